"""What template.yaml becomes on AWS: rights, queues, limits, alarms, and that it fits into the quotas."""

import ast
import json
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bench.capacity.stages import RECONCILE_CONNECTIONS
from paylink.core.metrics import DISCREPANCIES_DRIFT, IMBALANCE, told_name
from paylink.runtime.emf import ALARMED
from paylink_local.template import find_template, load_template
from support.stack import REPOSITORY

TEMPLATE = load_template(find_template({}), {})
SAM_PYTHON = REPOSITORY / ".paylink" / "sam" / "bin" / "python"
LOGS_AND_NETWORK = {"AWSLambdaBasicExecutionRole", "AWSLambdaVPCAccessExecutionRole"}
SEND = "sqs:SendMessage"
EVENTS, DEAD, RUNS = "WebhookEventsQueue", "WebhookEventsDeadQueue", "ReconciliationQueue"
READS = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"}
# What each function does with queues; the others do nothing with any.
RIGHTS = {
    "receive_webhook": {(SEND, EVENTS)},
    "create_checkout": {(SEND, EVENTS)},
    "cancel_transaction": {(SEND, EVENTS)},
    "capture_transaction": {(SEND, EVENTS)},
    "resolve_unknown": {(SEND, EVENTS)},
    "replay_event": {(SEND, EVENTS)},
    "redrive_dead_letters": {(SEND, EVENTS)},
    "relay_events": {(SEND, EVENTS), (SEND, DEAD), ("sqs:GetQueueAttributes", EVENTS)},
    "process_webhook": {(SEND, EVENTS), (SEND, DEAD)} | {(action, EVENTS) for action in READS},
    "start_reconciliation": {(SEND, RUNS)},
    "health": {("sqs:GetQueueAttributes", EVENTS)},
    "metrics": {("sqs:GetQueueAttributes", queue) for queue in (EVENTS, DEAD, RUNS)},
    "reconcile_batch": {(SEND, RUNS), (SEND, EVENTS)} | {(action, RUNS) for action in READS},
}
# They read with services that also write.
READERS = {"read_events", "read_dead_letters", "get_reconciliation"}
# What they ask queues for comes from the wiring, not from a service that sends.
ASKERS = {"health", "metrics"}


@cache
def deployed() -> dict[str, Any]:
    """The template as CloudFormation gets it."""
    if not SAM_PYTHON.exists():
        pytest.skip("AWS SAM is not installed: ./scripts/test installs it")
    command = [SAM_PYTHON, REPOSITORY / "local" / "sam" / "translate.py", TEMPLATE.path]
    translated: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return translated


def resources(kind: str) -> dict[str, Any]:
    found = deployed()["Resources"].items()
    return {name: resource["Properties"] for name, resource in found if resource["Type"] == kind}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def queue_of(resource: Any) -> str:
    """The queue that an IAM statement names: by its ARN, or as SAM's policy does by its name."""
    [name] = set(re.findall(r"\b\w+Queue\b", json.dumps(resource)))
    return str(name)


def rights(role: dict[str, Any]) -> set[tuple[str, str]]:
    statements = [s for policy in role.get("Policies", []) for s in policy["PolicyDocument"]["Statement"]]
    assert all(statement["Effect"] == "Allow" for statement in statements)
    return {
        (action.rstrip("*"), queue_of(resource))
        for statement in statements
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }


@pytest.mark.parametrize("function", TEMPLATE.functions, ids=lambda function: function.folder)
def test_a_function_may_do_what_it_does_and_nothing_else(function: Any) -> None:
    """Each has a role of its own: its logs, its network, and the queues that it uses."""
    role = resources("AWS::IAM::Role")[f"{function.logical_id}Role"]
    assert rights(role) == RIGHTS.get(function.folder, set())
    managed = {json.dumps(arn).rpartition("/")[2].rstrip('"}') for arn in role["ManagedPolicyArns"]}
    assert managed <= LOGS_AND_NETWORK
    assert resources("AWS::Lambda::Function")[function.logical_id]["Role"] == {
        "Fn::GetAtt": [f"{function.logical_id}Role", "Arn"]
    }


def _senders() -> set[str]:
    """Services with a module among those they import that sends to a queue."""
    services = REPOSITORY / "layers" / "paylink" / "paylink" / "services"
    sends = re.compile(r"queue\.(send|send_dead|depth|wake)\b|send_letter\(")
    imports = {
        file.stem: {
            node.module.rpartition(".")[2]
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("paylink.services.")
        }
        for file in services.glob("*.py")
    }
    found = {name for name in imports if sends.search((services / f"{name}.py").read_text())}
    while more := {name for name, used in imports.items() if used & found} - found:
        found |= more
    return found


def test_whoever_comes_to_a_service_that_sends_may_send() -> None:
    """A new use of a queue must get its right, or say that it only reads."""
    wiring = (REPOSITORY / "layers" / "paylink" / "paylink" / "runtime" / "wiring.py").read_text()
    module_of = dict(
        re.findall(r"def (\w+)\(self\)[^\n]*\n(?:        from [^\n]*\n)*?        from paylink\.services\.(\w+)", wiring)
    )
    assert {"checkout", "intake", "relay", "processing", "reconciliation"} <= module_of.keys()
    senders = _senders()
    for function in TEMPLATE.functions:
        used = set(re.findall(r"(?:deps\(\)|parts)\.(\w+)", (function.code / "app.py").read_text()))
        comes_to_sender = bool({module_of[name] for name in used if name in module_of} & senders)
        assert comes_to_sender == (function.folder in (RIGHTS.keys() | READERS) - ASKERS), function.folder


def test_whoever_asks_a_queue_by_the_wiring_may_ask_it_and_nothing_else() -> None:
    assert all({action for action, _ in RIGHTS[name]} == {"sqs:GetQueueAttributes"} for name in ASKERS)


def test_every_queue_is_encrypted_and_has_a_dead_letter_queue() -> None:
    queues = resources("AWS::SQS::Queue")
    dead = {
        queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        for queue in queues.values()
        if "RedrivePolicy" in queue
    }
    assert {name for name, queue in queues.items() if "RedrivePolicy" not in queue} == dead
    assert all(queue["SqsManagedSseEnabled"] is True for queue in queues.values())
    for name in dead:
        sources = [queue for queue in queues.values() if name in json.dumps(queue.get("RedrivePolicy", ""))]
        assert all(queues[name]["MessageRetentionPeriod"] > queue["MessageRetentionPeriod"] for queue in sources)
    [policy] = resources("AWS::SQS::QueuePolicy").values()
    assert {queue["Ref"] for queue in policy["Queues"]} == queues.keys()


def test_nothing_has_a_name_that_another_stack_could_have() -> None:
    names = {
        "AWS::SQS::Queue": "QueueName",
        "AWS::Scheduler::Schedule": "Name",
        "AWS::Lambda::Function": "FunctionName",
        "AWS::IAM::Role": "RoleName",
        "AWS::CloudWatch::Alarm": "AlarmName",
        "AWS::Logs::LogGroup": "LogGroupName",
    }
    assert [n for kind, name in names.items() for n, found in resources(kind).items() if name in found] == []
    # Figures of two stacks would add up.
    for function in resources("AWS::Lambda::Function").values():
        assert function["Environment"]["Variables"]["PAYLINK_METRICS_NAMESPACE"] == {"Ref": "AWS::StackName"}


def test_a_batch_is_hidden_for_six_timeouts_and_reported_by_message() -> None:
    mappings = resources("AWS::Lambda::EventSourceMapping")
    assert len(mappings) == 2
    for mapping in mappings.values():
        queue = resources("AWS::SQS::Queue")[mapping["EventSourceArn"]["Fn::GetAtt"][0]]
        function = resources("AWS::Lambda::Function")[mapping["FunctionName"]["Ref"]]
        assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        # Fewer would have it throttled, which counts as received.
        bound = mapping["ScalingConfig"]["MaximumConcurrency"]
        assert bound["Ref"] in ("WorkerConcurrency", "ReconcileConcurrency")
        assert function["ReservedConcurrentExecutions"]["Fn::If"][1] == bound


def test_every_function_is_bounded() -> None:
    """So all of them together take no more places and connections than told in docs/aws.md."""
    parameters = deployed()["Parameters"]
    places = {}
    for name, function in resources("AWS::Lambda::Function").items():
        condition, reserved, otherwise = function["ReservedConcurrentExecutions"]["Fn::If"]
        assert (condition, otherwise) == ("ReservesConcurrency", {"Ref": "AWS::NoValue"})
        places[name] = reserved if isinstance(reserved, int) else parameters[reserved["Ref"]]["Default"]
    more = (RECONCILE_CONNECTIONS - 1) * places["ReconcileBatch"]
    document = (REPOSITORY / "docs" / "aws.md").read_text()
    assert f"{sum(places.values())} places" in document
    assert f"{sum(places.values()) + more} connections" in document


def test_schedules_are_not_tried_again() -> None:
    """After an outage, AWS would run a day of missed ones at once; each run does what is due by then."""
    for name, schedule in resources("AWS::Scheduler::Schedule").items():
        assert schedule["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 0, name
    configured = {config["FunctionName"]["Ref"] for config in resources("AWS::Lambda::EventInvokeConfig").values()}
    assert configured == {function.logical_id for function in TEMPLATE.functions if function.schedules}


def test_routes_answer_before_the_gateway_gives_up_and_are_throttled() -> None:
    assert all(function.timeout_s <= 29 for function in TEMPLATE.functions if function.routes)
    [stage] = resources("AWS::ApiGateway::Stage").values()
    [setting] = stage["MethodSettings"]
    assert (setting["ResourcePath"], setting["HttpMethod"]) == ("/*", "*")
    assert setting["ThrottlingRateLimit"] == {"Ref": "RouteRateLimitPerS"}
    assert setting["ThrottlingBurstLimit"] == {"Ref": "RouteRateLimitBurst"}
    [api] = resources("AWS::ApiGateway::RestApi").values()
    assert api["BinaryMediaTypes"] == ["*~1*"]


def test_alarms_tell_of_what_must_not_be() -> None:
    alarms = resources("AWS::CloudWatch::Alarm")
    watched = {(alarm.get("MetricName"), json.dumps(alarm.get("Dimensions", []))) for alarm in alarms.values()}
    for queue in resources("AWS::SQS::Queue"):
        metric = "ApproximateNumberOfMessagesVisible" if "Dead" in queue else "ApproximateAgeOfOldestMessage"
        assert any(name == metric and f'"{queue}"' in dimensions for name, dimensions in watched), queue
    assert any(name == "5XXError" for name, _ in watched)
    workers = {function.logical_id for function in TEMPLATE.functions if function.mappings or function.schedules}
    assert set(
        re.findall(r'"FunctionName", "Value": {"Ref": "(\w+)"}', json.dumps(alarms["WorkerErrorsAlarm"]))
    ) == workers | {"ReceiveWebhook", "CreateCheckout"}
    for alarm in alarms.values():
        assert alarm["AlarmActions"]["Fn::If"][:2] == ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}]]
        assert alarm["TreatMissingData"] in ("notBreaching", "breaching")
    for name, metric in (("ImbalanceAlarm", IMBALANCE), ("DriftAlarm", DISCREPANCIES_DRIFT)):
        asked = [query["MetricStat"] for query in alarms[name]["Metrics"] if "MetricStat" in query]
        whole = {"Namespace": {"Ref": "AWS::StackName"}, "MetricName": told_name(metric)}
        assert [(one["Stat"], one["Metric"]) for one in asked] == [("Maximum", whole), ("Minimum", whole)]
        assert metric in ALARMED
    [lines] = resources("AWS::Logs::MetricFilter").values()
    assert lines["FilterPattern"] == '{ $.message = "alert" || $.message = "request failed" }'


def test_secrets_come_from_secrets_manager_alone() -> None:
    """No parameter takes one; and there are fewer references than the 60 that CloudFormation allows."""
    assert not [name for name, given in deployed()["Parameters"].items() if given.get("NoEcho")]
    text = json.dumps(deployed())
    functions = resources("AWS::Lambda::Function")
    assert (
        text.count("{{resolve:")
        == text.count("{{resolve:secretsmanager:${SettingsSecret}:SecretString}}")
        == len(functions)
    )
    assert len(functions) <= 60


def test_it_fits_into_the_quotas() -> None:
    """500 resources and 200 parameters; 20 kB of permissions and 4 kB of variables for each function."""
    assert len(deployed()["Resources"]) <= 500
    assert len(deployed()["Parameters"]) <= 200
    permissions = resources("AWS::Lambda::Permission").values()
    for function in TEMPLATE.functions:
        mine = [each for each in permissions if each["FunctionName"] == {"Ref": function.logical_id}]
        assert 600 * len(mine) <= 20_480, function.folder
    secret = {
        "PGUSER": "x" * 32,
        "PGPASSWORD": "x" * 64,
        "PAYLINK_MASTER_KEYS": "x" * 150,
        "PAYLINK_API_KEY_PEPPERS": "x" * 150,
    }
    for variables in (each["Environment"]["Variables"] for each in resources("AWS::Lambda::Function").values()):
        assert sum(len(name) + 120 for name in variables) + len(json.dumps(secret)) <= 4096


def test_every_parameter_is_documented_and_used() -> None:
    document = (REPOSITORY / "docs" / "aws.md").read_text()
    template = Path(TEMPLATE.path).read_text()
    for name in deployed()["Parameters"]:
        assert f"`{name}`" in document, name
        assert len(re.findall(rf"\b{name}\b", template)) > 1, name
