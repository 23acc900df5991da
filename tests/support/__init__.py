"""What tests share: a world of real handlers on moto, a clock to set, a model to script."""
