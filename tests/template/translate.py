"""Translates template.yaml into plain CloudFormation for one partition, as AWS does when it deploys, without calling AWS.

    translate.py REGION > translated.json
"""

import json
import sys
from pathlib import Path

import boto3
from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

region = sys.argv[1]
template = yaml_parse(Path("template.yaml").read_text())
parameters = {name: str(about["Default"]) for name, about in template["Parameters"].items()}
partition = "aws-cn" if region.startswith("cn-") else "aws"
parameters.update({"AWS::Region": region, "AWS::Partition": partition})

# The code is where `sam package` would put it.
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        resource["Properties"]["CodeUri"] = "s3://bucket/key"

# No function uses a managed policy, so none needs a name here.
translator = Translator({}, Parser(), boto_session=boto3.session.Session(region_name=region))
translated = translator.translate(sam_template=template, parameter_values=parameters)
json.dump(translated, sys.stdout, indent=1)
