"""Makes an admin key of a deployed stack: `python -m infra.admin_key --stack NAME`.

It takes AWS credentials that may read the stack and write its state table; that is why there is no
endpoint for it. The key is printed once, and kept only as a hash.
"""

import argparse
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from adapters.dynamodb.keys import KeyStore


def main() -> int:
    """Make the key that the command line asks for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.admin_key", description=__doc__)
    parser.add_argument("--stack", required=True, help="the CloudFormation stack's name")
    parser.add_argument("--name", default="operator", help="what to call the key")
    arguments = parser.parse_args()
    try:
        stacks = boto3.client("cloudformation").describe_stacks(StackName=arguments.stack)
        outputs = {
            output["OutputKey"]: output["OutputValue"]
            for output in stacks["Stacks"][0].get("Outputs", [])
        }
        table = outputs["StateTableName"]
        key = KeyStore(boto3.client("dynamodb"), table).create_admin_key(arguments.name)
    except KeyError:
        print(f"The stack {arguments.stack!r} is none of ThreadRunner's.", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"No key was made: {error}", file=sys.stderr)
        return 1
    print(key)
    return 0


if __name__ == "__main__":
    sys.exit(main())
