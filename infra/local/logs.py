"""Shows what the stack's servers and functions logged."""

from botocore.exceptions import BotoCoreError, ClientError

from infra.local.aws import EmulatedAws
from infra.local.info import StackInfo
from infra.local.processes import Processes

_EVENTS = 20
_NAMES = ("sam-build", "sam-deploy", "emulator", "model", "api")


def show_logs(processes: Processes, info: StackInfo | None) -> None:
    """Print where each log is and how it ends, then the newest lines of each function."""
    for name in _NAMES:
        if processes.log(name).is_file():
            print(f"== {processes.log(name)}\n{processes.log_tail(name)}\n")
    if info is not None:
        try:
            _show_functions(EmulatedAws(info.emulator_url))
        except (BotoCoreError, ClientError) as error:
            print(f"The emulator gives no logs of the functions ({type(error).__name__}).")


def _show_functions(aws: EmulatedAws) -> None:
    logs = aws.logs()
    for group in logs.describe_log_groups()["logGroups"]:
        name = group.get("logGroupName", "")
        streams = logs.describe_log_streams(
            logGroupName=name, orderBy="LastEventTime", descending=True, limit=1
        )["logStreams"]
        print(f"== {name}" if streams else f"== {name} (empty)")
        for stream in streams:
            events = logs.get_log_events(
                logGroupName=name, logStreamName=stream.get("logStreamName", ""), limit=_EVENTS
            )["events"]
            for event in events:
                print(f"  {event.get('message', '').rstrip()}")
