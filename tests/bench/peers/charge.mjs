// A Node function that charges as ours does, under the same Runtime API. It reads the app and the bill, signs one Alipay order in its three
// forms, and stores the transaction by one conditional put. For `tests/bench/run start`.
import { createPrivateKey, createSign, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { DynamoDBClient, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';

const dynamo = new DynamoDBClient({});
const pem = readFileSync(process.env.BENCH_PRIVATE_KEY, 'utf8');
const key = createPrivateKey(pem.includes('-----') ? pem : { key: Buffer.from(pem, 'base64'), format: 'der', type: 'pkcs8' });
const runtime = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;
const query = (table, pk) =>
  dynamo.send(new QueryCommand({ TableName: table, ConsistentRead: true, KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': { S: pk } } }));
let app;

function order(id, charge, method) {
  const members = {
    app_id: '2014072300007148', method, charset: 'utf-8', sign_type: 'RSA2', timestamp: '2026-11-23 22:30:00', version: '1.0',
    biz_content: JSON.stringify({ out_trade_no: id, total_amount: (charge.totalFee / 100).toFixed(2), subject: charge.subject }),
  };
  const content = Object.keys(members).sort().map((name) => `${name}=${members[name]}`).join('&');
  const sign = createSign('RSA-SHA256').update(content).sign(key, 'base64');
  return new URLSearchParams({ ...members, sign }).toString();
}

async function handle(event) {
  const text = event.isBase64Encoded ? Buffer.from(event.body, 'base64').toString() : event.body;
  const charge = JSON.parse(text);
  const appId = event.headers['x-ml-appid'];
  app ??= await query(process.env.MAXPAY_CONFIGURATION_TABLE, `APP#${appId}`);
  if (app.Items.length === 0) throw new Error('no such app');
  const pk = `${appId}#test#node-${charge.billNum}`;
  await query(process.env.MAXPAY_TRANSACTIONS_TABLE, pk);
  const id = Date.now().toString(16).padStart(12, '0') + randomBytes(6).toString('hex');
  const methods = ['alipay.trade.app.pay', 'alipay.trade.page.pay', 'alipay.trade.wap.pay'];
  const [ali_app, ali_web, ali_wap] = methods.map((method) => order(id, charge, method));
  const item = { pk: { S: pk }, sk: { S: `TX#${charge.channel}#01` }, id: { S: id }, fee: { N: String(charge.totalFee) } };
  await dynamo.send(new PutItemCommand({ TableName: process.env.MAXPAY_TRANSACTIONS_TABLE, Item: item, ConditionExpression: 'attribute_not_exists(pk)' }));
  return { statusCode: 200, body: JSON.stringify({ code: 0, msg: 'OK', id, ali_app, ali_web, ali_wap }) };
}

for (;;) {
  const next = await fetch(`${runtime}/next`);
  const id = next.headers.get('lambda-runtime-aws-request-id');
  const answer = await handle(await next.json());
  await fetch(`${runtime}/${id}/response`, { method: 'POST', body: JSON.stringify(answer) });
}
