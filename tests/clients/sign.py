# A request that Slack's own library signed, as one JSON object.
import json

from slack_sdk.signature import SignatureVerifier

body, now = "token=x&text=gr%C3%B6%C3%9Fer", 1700000000
signature = SignatureVerifier("s3cret").generate_signature(timestamp=str(now), body=body)
print(json.dumps({
    "library": "slack-sdk", "verify": "{ preset: slack, secret: SECRET }", "secret": "s3cret", "body": body,
    "headers": {"x-slack-signature": signature, "x-slack-request-timestamp": str(now)}, "now": now,
    "url": "https://hooks.example.com/",
}))
