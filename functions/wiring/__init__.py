"""Where real things meet: settings, construction, logging, metrics, tracing."""
