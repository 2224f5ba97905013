//! Events as API Gateway and SQS send them to the functions.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// A request in the payload format 2.0 of API Gateway.
pub(crate) fn request(method: &str, path: &str, headers: &[(String, String)], body: &[u8]) -> String {
    let headers: serde_json::Map<String, Value> =
        headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), Value::from(value.as_str()))).collect();
    json!({
        "version": "2.0",
        "routeKey": format!("{method} {path}"),
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abc123",
            "domainName": "abc123.execute-api.eu-central-1.amazonaws.com",
            "domainPrefix": "abc123",
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "203.0.113.7", "userAgent": "bench" },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": format!("{method} {path}"),
            "stage": "$default",
            "time": "23/Nov/2026:14:30:00 +0000",
            "timeEpoch": 1_795_444_200_000_i64,
        },
        "body": STANDARD.encode(body),
        "isBase64Encoded": true,
    })
    .to_string()
}

/// A batch of SQS messages.
pub(crate) fn batch(bodies: &[String]) -> String {
    let record = |(number, body): (usize, &String)| {
        json!({
            "messageId": format!("059f36b4-87a3-44ab-83d2-{number:012}"),
            "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
            "body": body,
            "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": "1795444200000" },
            "messageAttributes": {},
            "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:deliveries",
            "awsRegion": "us-east-1",
        })
    };
    let records: Vec<Value> = bodies.iter().enumerate().map(record).collect();
    json!({ "Records": records }).to_string()
}

/// Whether a function's answer is HTTP 200. If its body has a numeric code, the code must be 0.
pub(crate) fn is_good(answer: &str) -> bool {
    let Ok(answer) = serde_json::from_str::<Value>(answer) else { return false };
    let Some(status) = answer.get("statusCode") else { return answer["batchItemFailures"] == json!([]) };
    let code = answer["body"].as_str().and_then(|body| serde_json::from_str::<Value>(body).ok());
    // The acknowledgement for WeChat has a code that is a word, not a number.
    *status == 200 && code.is_none_or(|body| body.get("code").and_then(Value::as_i64).is_none_or(|code| code == 0))
}
