"""A stack of template.yaml in ministack, an emulator of AWS: deployed, updated, called and deleted as an operator does it.

What the emulator does otherwise than AWS, and how it is borne. Each change is made in the copy of the translated template that is deployed
here, and none in a function or its settings:

* It knows no alarm with metric math: the nested stack Watch is left out. tests/template.rs compares that one with the code.
* Its CloudFront passes no request on: the nested stack Front is left out, and the test sends what CloudFront would send.
* `MaximumConcurrency` from a parameter arrives as text and stops its poller: a number stands there.
* `GenerateSecretString` ignores what is to be excluded: literal secrets stand there.
* It runs functions as processes of this machine: their architecture is this machine's, and they reach it by AWS_ENDPOINT_URL_*.
* It looks at its schedules every ten seconds. Those of an hour or a day come each minute here, so that each fires while the test runs.
* It plays no IAM, no throttling, no access log, and no DisableExecuteApiEndpoint. It finds an API by its Host header, and every caller
  has the address 127.0.0.1. The local stack plays IAM, and tests/permissions.rs compares every right.
* Without CloudFormation's own waits, a stack stands in seconds. A deleted secret is gone at once.
* A table can be kept, but not restored to a point in time and not imported into a stack.

What is not the emulator's: a deployed function takes https gateways only, and never calls this machine. So the test pays on a channel that
needs no call (`ali_web`), signs the notify as Alipay does with a key of its own, and receives webhooks with a function.
"""

import contextlib
import http.client
import io
import json
import os
import platform
import re
import secrets
import signal
import socket
import subprocess
import time
import zipfile

os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION="us-east-1")
import boto3  # noqa: E402
import botocore  # noqa: E402

STACK = "maxpay"
BUCKET = "code"
START_SECONDS_MAX = 30
STACK_SECONDS_MAX = 60
CALL_SECONDS_MAX = 40
EACH_MINUTE = "cron(* * * * ? *)"
ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
PAGES_MAX = 100


class Answer:
    """What the API answered."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        try:
            self.json = json.loads(body)
        except ValueError:
            self.json = None


class Cloud:
    """The emulator as a process, with one stack in it."""

    def __init__(self, template, bootstraps, folder):
        self.template, self.bootstraps, self.folder = template, bootstraps, folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.parameters = {}
        self.headers = {}

    @contextlib.contextmanager
    def running(self):
        """Starts the emulator. Ends it, and every function that it started."""
        environment = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.port), "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0"}
        environment |= {name: os.environ[name] for name in os.environ if name.startswith("AWS_") or name in ("PATH", "HOME")}
        environment["TMPDIR"] = str(self.folder)
        command = [self.folder / "venv/bin/ministack"]
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, cwd=self.folder, stdout=log, stderr=log, start_new_session=True)
        try:
            self._wait_until_ready(process)
            yield self
        finally:
            # The group, because the functions are its children.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _wait_until_ready(self, process):
        until = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < until:
            if process.poll() is not None:
                break
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.1)
        raise SystemExit(f"the emulator did not start:\n{(self.folder / 'log').read_text()[-3000:]}")

    def client(self, service):
        return boto3.client(service, endpoint_url=self.url, config=botocore.config.Config(retries={"max_attempts": 1}))

    # ---- The stack

    def binaries(self):
        """The function's binary by its logical name, from the template."""
        functions = {name: one for name, one in self.template["Resources"].items() if one["Type"] == "AWS::Lambda::Function"}
        return {name: one["Metadata"]["BuildProperties"]["Binary"] for name, one in functions.items()}

    def deploy(self):
        """Makes the stack."""
        self.client("s3").create_bucket(Bucket=BUCKET)
        self._change("create_stack", "first", {})

    def update(self, build, **parameters):
        """Changes parameters, or the build, or both. All other parameters stay."""
        self._change("update_stack", build, parameters)

    def _change(self, operation, build, parameters):
        cloud, began = self.client("cloudformation"), time.monotonic()
        self.client("s3").put_object(Bucket=BUCKET, Key=f"{build}.json", Body=json.dumps(self._copy(build)))
        self.parameters |= parameters
        told = [{"ParameterKey": name, "ParameterValue": value} for name, value in self.parameters.items()]
        where = f"{self.url}/{BUCKET}/{build}.json"
        getattr(cloud, operation)(StackName=STACK, TemplateURL=where, Parameters=told, Capabilities=["CAPABILITY_IAM"])
        stack = self._wait(cloud)
        count = len(cloud.describe_stack_resources(StackName=STACK)["StackResources"])
        names = ", ".join(parameters) or "no parameter"
        print(f"{stack['StackStatus']}: build {build}, {names}; {count} resources in {time.monotonic() - began:.1f} s")
        if stack["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            events = cloud.describe_stack_events(StackName=STACK)["StackEvents"]
            reasons = [f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason')}" for one in events if "FAILED" in one["ResourceStatus"]]
            raise AssertionError("\n".join([str(stack.get("StackStatusReason")), *reasons]))
        self.outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
        self.api = self.client("apigatewayv2").get_apis()["Items"][0]["ApiId"]

    def delete(self):
        """Deletes the stack."""
        cloud = self.client("cloudformation")
        identity = cloud.describe_stacks(StackName=STACK)["Stacks"][0]["StackId"]
        cloud.delete_stack(StackName=STACK)
        stack = self._wait(cloud, identity)
        print(f"{stack['StackStatus']}")
        assert stack["StackStatus"] == "DELETE_COMPLETE", stack

    def _wait(self, cloud, name=STACK):
        until = time.monotonic() + STACK_SECONDS_MAX
        while time.monotonic() < until:
            stack = cloud.describe_stacks(StackName=name)["Stacks"][0]
            if not stack["StackStatus"].endswith("IN_PROGRESS"):
                return stack
            time.sleep(0.2)
        raise AssertionError(f"the stack is still {stack['StackStatus']}")

    def _copy(self, build):
        """The template as this emulator bears it: see the list above."""
        template = json.loads(json.dumps(self.template))
        resources, outputs = template["Resources"], template["Outputs"]
        binaries = self.binaries()
        del resources["Watch"], resources["Front"], outputs["AlarmTopic"]
        outputs["DomainTarget"]["Value"] = {"Fn::GetAtt": ["Domain", "RegionalDomainName"]}
        endpoints = {f"AWS_ENDPOINT_URL_{service}": self.url for service in ("DYNAMODB", "SQS", "LAMBDA")}
        for name, resource in resources.items():
            properties = resource.get("Properties", {})
            if resource["Type"] == "AWS::Lambda::Function":
                key = self._upload(binaries[name], build)
                properties |= {"Code": {"S3Bucket": BUCKET, "S3Key": key}, "Architectures": [ARCHITECTURE]}
                properties["Environment"]["Variables"] |= endpoints
            if resource["Type"] == "AWS::Lambda::EventSourceMapping":
                properties["ScalingConfig"] = {"MaximumConcurrency": 5}
            if properties.pop("GenerateSecretString", None):
                properties["SecretString"] = self.secret(name)
            if str(properties.get("ScheduleExpression", "")).startswith("cron("):
                properties["ScheduleExpression"] = EACH_MINUTE
        return template

    def secret(self, name):
        """The same one each time, so that an update changes no secret."""
        self.secrets = getattr(self, "secrets", {})
        return self.secrets.setdefault(name, secrets.token_hex(32))

    def _upload(self, binary, build):
        """A build other than the first has other bytes: the loader ignores what follows an executable's end."""
        code = (self.bootstraps / binary / "bootstrap").read_bytes()
        code += b"" if build == "first" else build.encode()
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
            entry = zipfile.ZipInfo("bootstrap")
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, code)
        self.client("s3").put_object(Bucket=BUCKET, Key=f"{build}/{binary}.zip", Body=packed.getvalue())
        return f"{build}/{binary}.zip"

    def physical(self, logical):
        """The name of a resource."""
        found = self.client("cloudformation").describe_stack_resource(StackName=STACK, LogicalResourceId=logical)
        return found["StackResourceDetail"]["PhysicalResourceId"]

    def secret_value(self, output):
        """The value of a secret that the stack names in an output."""
        return self.client("secretsmanager").get_secret_value(SecretId=self.outputs[output])["SecretString"]

    def put_secret(self, output, value):
        """Stores a new value. Returns its version."""
        return self.client("secretsmanager").put_secret_value(SecretId=self.outputs[output], SecretString=value)["VersionId"]

    # ---- The API, and what was logged

    def call(self, method, path, body=None, headers=None, through_front=True):
        """A call of the API. A dict is sent as JSON, and a text as a form."""
        sent = {"Host": f"{self.api}.execute-api.localhost"} | (self.headers if through_front else {}) | (headers or {})
        kind = "application/json" if isinstance(body, dict) else "application/x-www-form-urlencoded"
        data = json.dumps(body) if isinstance(body, dict) else body
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=CALL_SECONDS_MAX)
        try:
            connection.request(method, path, body=data, headers=sent | ({"Content-Type": kind} if body else {}))
            got = connection.getresponse()
            answer = Answer(got.status, got.headers, got.read().decode())
        finally:
            connection.close()
        print(f"  {method} {path} -> {answer.status} {hidden(answer.body)[:110]}".rstrip())
        return answer

    def logged(self):
        """Every line that the functions logged."""
        logs = self.client("logs")
        lines, token = [], {}
        for _ in range(PAGES_MAX):
            page = logs.filter_log_events(logGroupName=self.outputs["FunctionsLog"], **token)
            lines += [event["message"] for event in page["events"]]
            if "nextToken" not in page:
                return lines
            token = {"nextToken": page["nextToken"]}
        raise AssertionError("the log has too many pages")


def hidden(text):
    """A transcript without keys: what is long and made of random letters is cut."""
    return re.sub(r"\s+", " ", re.sub(r"[A-Za-z0-9+/_=-]{40,}", "<...>", text))
