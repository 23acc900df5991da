#!/bin/bash
# Starts the API as a web server, for the AWS Lambda Web Adapter: the handler of a function that
# streams. boto3 is where the runtime has it.
cd "${LAMBDA_TASK_ROOT}" || exit 1
export PYTHONPATH="/opt/python:${LAMBDA_RUNTIME_DIR}"
exec python3 -m uvicorn --factory api.streaming:create_app --host 127.0.0.1 \
  --port "${AWS_LWA_PORT:-8080}" --http h11 --loop asyncio --ws none --lifespan off \
  --no-access-log --log-level warning
