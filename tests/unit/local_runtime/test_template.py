"""The reader of template.yaml: what it takes over, and that it refuses whatever it would not do as AWS does."""

from collections.abc import Callable
from pathlib import Path

import pytest

from paylink_local.template import Queue, QueueMapping, Route, Schedule, Template, TemplateError, load_template

Read = Callable[[str], Template]

QUEUES = """\
Resources:
  OrdersQueue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      RedrivePolicy: {deadLetterTargetArn: !GetAtt OrdersDeadLetterQueue.Arn, maxReceiveCount: 4}
  OrdersDeadLetterQueue:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !Sub "${AWS::StackName}-dead", Tags: [], MessageRetentionPeriod: 1209600}
"""


def test_events_become_routes_mappings_and_schedules(read_function: Read) -> None:
    """One function may have events of several kinds, and each is taken over with AWS's defaults."""
    (function,) = read_function(
        """\
        Events:
          Get: {Type: Api, Properties: {Path: "/v1/orders/{id}", Method: get}}
          Queue: {Type: SQS, Properties: {Queue: !GetAtt OrdersQueue.Arn}}
          Nightly:
            Type: ScheduleV2
            Properties: {ScheduleExpression: "cron(0 3 * * ? *)", ScheduleExpressionTimezone: Asia/Jakarta, Input: "{}"}
        """
    ).functions
    assert function.folder == function.name == "shop"
    assert (function.timeout_s, function.memory_mb) == (3, 128)
    assert function.routes == (Route("GET", "/v1/orders/{id}"),)
    assert function.mappings == (QueueMapping("OrdersQueue", 10, 0, partial_responses=False, concurrency=4),)
    assert function.schedules == (Schedule("shop/Nightly", "cron(0 3 * * ? *)", "Asia/Jakarta", "{}"),)


def test_what_is_switched_off_is_left_out(read_function: Read) -> None:
    """A disabled mapping is not polled, a disabled schedule never runs."""
    (function,) = read_function(
        """\
        Events:
          Queue: {Type: SQS, Properties: {Queue: !GetAtt OrdersQueue.Arn, Enabled: false}}
          Daily: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 day), Input: "{}", State: DISABLED}}
        """
    ).functions
    assert (function.mappings, function.schedules) == ((), ())


def test_queues_get_every_attribute(read_template: Read) -> None:
    """An attribute that the template leaves out has SQS's default, so that one taken out of the template goes back."""
    orders, dead = read_template(QUEUES).queues
    assert orders == Queue(
        "OrdersQueue",
        "orders",
        {
            "VisibilityTimeout": "60",
            "MessageRetentionPeriod": "345600",
            "DelaySeconds": "0",
            "MaximumMessageSize": "1048576",
            "ReceiveMessageWaitTimeSeconds": "0",
        },
        "OrdersDeadLetterQueue",
        4,
    )
    assert dead.name == "paylink-dead"
    assert dead.attributes["MessageRetentionPeriod"] == "1209600"


@pytest.mark.parametrize(
    ("logical_id", "name"),
    [
        ("WebhookEventsQueue", "webhook-events"),
        ("WebhookEventsDeadLetterQueue", "webhook-events-dead-letter"),
        ("SQSJobs2", "sqs-jobs2"),
        ("Queue", "queue"),
    ],
)
def test_a_queue_without_a_name_gets_one(read_template: Read, logical_id: str, name: str) -> None:
    """As CloudFormation does, but the same on every machine."""
    (queue,) = read_template(f"Resources: {{{logical_id}: {{Type: AWS::SQS::Queue}}}}").queues
    assert queue.name == name


def test_variables_are_resolved(read_template: Read) -> None:
    """Queues become local addresses, parameters their defaults, scalars text; what only a stack knows is left out."""
    template = read_template(
        """\
        Parameters:
          Stage: {Type: String, Default: live}
          Secret: {Type: String}
        Globals: {Function: {Environment: {Variables: {SHARED: shared, OWN: shared}}}}
        Resources:
          OrdersQueue: {Type: AWS::SQS::Queue}
          ShopFunction:
            Type: AWS::Serverless::Function
            Properties:
              CodeUri: functions/shop
              Handler: app.handler
              Environment:
                Variables:
                  OWN: own
                  URL: !Ref OrdersQueue
                  NAME: !GetAtt OrdersQueue.QueueName
                  ARN: {"Fn::GetAtt": [OrdersQueue, Arn]}
                  STAGE: !Sub "${Stage}/${OrdersQueue.QueueName}/${!kept}"
                  NUMBER: 5
                  SWITCH: true
                  SECRET: !Ref Secret
                  ROLE: !GetAtt ShopFunctionRole.Arn
                  STORED: "{{resolve:ssm:/shop/key}}"
                  STORED_TOO: !Sub "{{resolve:secretsmanager:${Stage}:SecretString:key}}"
                  CHOSEN: !If [Big, a, b]
        """
    )
    assert template.functions[0].variables == {
        "SHARED": "shared",
        "OWN": "own",
        "URL": "http://127.0.0.1:9324/000000000000/orders",
        "NAME": "orders",
        "ARN": "arn:aws:sqs:ap-southeast-3:000000000000:orders",
        "STAGE": "live/orders/${kept}",
        "NUMBER": "5",
        "SWITCH": "true",
    }


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ("PackageType: Image", "does not know PackageType"),
        ("FunctionUrlConfig: {AuthType: NONE}", "does not know FunctionUrlConfig"),
        ("EventInvokeConfig: {MaximumRetryAttempts: 1}", "MaximumRetryAttempts: expected a whole number from 0 to 0"),
        ("EventInvokeConfig: {}", "MaximumRetryAttempts: expected a whole number from 0 to 0, found 2"),
        ("EventInvokeConfig: {MaximumRetryAttempts: 0, DestinationConfig: {}}", "does not know DestinationConfig"),
        ("Timeout: 0", "Timeout: expected a whole number from 1 to 900, found 0"),
        ("Timeout: soon", "Timeout: expected a whole number"),
        ("Timeout: !Ref Nothing", "Timeout: the local runtime cannot resolve Ref of 'Nothing'"),
        ("Environment: {Variables: {LIST: [1]}}", "LIST: expected a text or a number"),
        ("Events: {E: {Type: S3, Properties: {}}}", "does not know events of type S3"),
        ("Events: {E: {Type: Api, Properties: {Path: '/{all+}', Method: get}}}", "Path: expected segments"),
        ("Events: {E: {Type: Api, Properties: {Path: /x/, Method: get}}}", "Path: expected segments"),
        ("Events: {E: {Type: Api, Properties: {Path: /x, Method: fetch}}}", "Method: expected one of"),
        ("Events: {E: {Type: Api, Properties: {Path: /x, Method: get, Auth: {}}}}", "does not know Auth"),
        ("Events: {E: {Type: Api, Properties: {Path: /x, Method: get, RestApiId: !Ref No}}}", "API of this template"),
        ("Events: {E: {Type: SQS, Properties: {Queue: 'arn:aws:sqs:x:1:y'}}}", "expected !GetAtt <queue"),
        ("Events: {E: {Type: SQS, Properties: {Queue: !GetAtt OrdersQueue.Arn, BatchSize: 11}}}", "at least 1"),
        (
            "Events: {E: {Type: SQS, Properties: {Queue: !GetAtt OrdersQueue.Arn, FilterCriteria: {}}}}",
            "does not know FilterCriteria",
        ),
        (
            "Timeout: 31\nEvents: {E: {Type: SQS, Properties: {Queue: !GetAtt OrdersQueue.Arn}}}",
            "shows messages again after 30 s",
        ),
        ("Events: {E: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 day)}}}", "Input: must be given"),
        (
            "Events: {E: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 day), Input: '{'}}}",
            "Input: expected JSON",
        ),
        (
            "Events: {E: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 day), Input: '{}', StartDate: x}}}",
            "does not know StartDate",
        ),
    ],
)
def test_a_function_that_cannot_be_followed_is_refused(read_function: Read, properties: str, message: str) -> None:
    """The error names the place and the reason; nothing that AWS would do is passed over in silence."""
    with pytest.raises(TemplateError, match=r"template\.yaml: Resources\.ShopFunction") as raised:
        read_function(properties)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ("Resources: {T: {Type: AWS::SNS::Topic}}", "does not know AWS::SNS::Topic"),
        ("Resources: {Q: {Type: AWS::SQS::Queue, Condition: Big}}", "does not know Condition"),
        ("Resources: {Q: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}}", "does not know FifoQueue"),
        ("Resources: {Q: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 99999}}}", "VisibilityTimeout"),
        ("Resources: {A: {Type: AWS::SQS::Queue}, A: {Type: AWS::SQS::Queue}}", "'A' stands twice"),
        (
            "Resources: {A: {Type: AWS::SQS::Queue}, B: {Type: AWS::SQS::Queue, Properties: {QueueName: a}}}",
            "'a' stands twice",
        ),
        ("Hooks: {}", "does not know Hooks"),
        ("Globals: {HttpApi: {}}", "does not know HttpApi"),
        ("Resources: [", "not valid YAML"),
    ],
)
def test_a_template_that_cannot_be_followed_is_refused(read_template: Read, sections: str, message: str) -> None:
    """As for functions."""
    with pytest.raises(TemplateError) as raised:
        read_template(sections)
    assert message in str(raised.value)


def test_an_api_that_would_hand_on_text_is_refused(read_template: Read) -> None:
    """Without the binary media type */*, AWS damages bodies that are not UTF-8, and the local gateway would not."""
    with pytest.raises(TemplateError, match="BinaryMediaTypes: must hold"):
        read_template(
            """\
            Resources:
              Api: {Type: AWS::Serverless::Api, Properties: {StageName: live}}
              ShopFunction:
                Type: AWS::Serverless::Function
                Properties:
                  CodeUri: functions/shop
                  Handler: app.handler
                  Events: {E: {Type: Api, Properties: {Path: /x, Method: get, RestApiId: !Ref Api}}}
            """
        )


def test_a_missing_file_and_a_missing_function_are_named(tmp_path: Path, read_function: Read) -> None:
    """The errors say what there is to choose from."""
    with pytest.raises(TemplateError, match=r"nowhere\.yaml: No such file"):
        load_template(tmp_path / "nowhere.yaml")
    template = read_function("")
    assert template.function("shop") is template.function("ShopFunction")
    with pytest.raises(TemplateError, match="no function 'shopp'; there are: shop"):
        template.function("shopp")


def test_what_surrounds_the_functions_is_passed_over(read_template: Read) -> None:
    """Roles, alarms and layers change nothing on one machine."""
    template = read_template(
        """\
        Resources:
          Role: {Type: AWS::IAM::Role, Condition: Strict, Properties: {}}
          Alarm: {Type: AWS::CloudWatch::Alarm}
          Layer: {Type: AWS::Serverless::LayerVersion, Metadata: {BuildMethod: makefile}}
        """
    )
    assert (template.functions, template.queues) == ((), ())
