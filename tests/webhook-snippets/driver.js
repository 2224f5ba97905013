
const env = process.env;
const headers = { "webhook-id": env.WH_ID, "webhook-timestamp": env.WH_TIMESTAMP, "webhook-signature": env.WH_SIGNATURE };
const body = Buffer.from(env.WH_BODY), now = Number(env.WH_TIMESTAMP);
const expect = (name, found, wanted) => { if (found !== wanted) { console.error(name); process.exit(1); } };
expect("genuine", verifyWebhook(headers, body, env.WH_SECRET, now + 300), true);
expect("two signatures", verifyWebhook({ ...headers, "webhook-signature": `v1,AAAA ${env.WH_SIGNATURE}` }, body, env.WH_SECRET, now), true);
expect("altered", verifyWebhook(headers, Buffer.from(env.WH_BODY.replace('"totalFee":1', '"totalFee":2')), env.WH_SECRET, now), false);
expect("other id", verifyWebhook({ ...headers, "webhook-id": "msg_2" }, body, env.WH_SECRET, now), false);
expect("old", verifyWebhook(headers, body, env.WH_SECRET, now + 301), false);
expect("bare", verifyWebhook({}, body, env.WH_SECRET, now), false);
expect("sign", verifySign(body, env.WH_MASTER), true);
expect("other key", verifySign(body, "other"), false);
