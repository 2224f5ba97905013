// Signs and verifies the messages of a charge and of a notify with the SDKs that others use. Times are medians in microseconds.
import { createSign, generateKeyPairSync } from 'node:crypto';
import { AlipaySdk } from 'alipay-sdk';
import { Formatter, Rsa } from 'wechatpay-axios-plugin';

const rounds = 400;
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = (key, type) => key.export({ type, format: 'pem' });
const bare = (text) => text.replace(/-----[^-]+-----|\s/g, '');

function median(task) {
  const times = [];
  for (let round = 0; round < rounds; round += 1) {
    const begun = process.hrtime.bigint();
    if (!task()) throw new Error('a task failed');
    times.push(Number(process.hrtime.bigint() - begun) / 1000);
  }
  return times.sort((a, b) => a - b)[rounds / 2].toFixed(0);
}

const alipay = new AlipaySdk({
  appId: '2014072300007148',
  privateKey: bare(pem(privateKey, 'pkcs8')),
  keyType: 'PKCS8',
  alipayPublicKey: bare(pem(publicKey, 'spki')),
});
const bizContent = { out_trade_no: '01a208d05240070707070707', total_amount: '99.00', subject: 'A cup of tea', product_code: 'FAST_INSTANT_TRADE_PAY' };
const page = () => alipay.pageExecute('alipay.trade.page.pay', 'GET', { bizContent, returnUrl: 'https://shop.example/back', notifyUrl: 'https://pay.example/notify' });
const order = () => alipay.sdkExecute('alipay.trade.app.pay', { bizContent, notifyUrl: 'https://pay.example/notify' });
console.log(`| npm alipay-sdk | sign one page | ${median(() => page().includes('sign='))} |`);
console.log(`| npm alipay-sdk | sign one app order | ${median(() => order().includes('sign='))} |`);

const notify = { app_id: '2014072300007148', out_trade_no: '01a208d05240070707070707', trade_no: '2026112322001400000000000001', trade_status: 'TRADE_SUCCESS', total_amount: '99.00', seller_id: '2088000000000001' };
const content = Object.keys(notify).sort().map((name) => `${name}=${notify[name]}`).join('&');
const sign = createSign('RSA-SHA256').update(content).sign(privateKey, 'base64');
const signed = { ...notify, sign, sign_type: 'RSA2' };
console.log(`| npm alipay-sdk | verify a notify | ${median(() => alipay.checkNotifySignV2(signed))} |`);

const body = JSON.stringify({ appid: 'wx0000', mchid: '1900000001', description: 'A cup of tea', out_trade_no: '01a208d05240070707070707', amount: { total: 9900 } });
const key = pem(privateKey, 'pkcs8');
const certificate = pem(publicKey, 'spki');
const request = () => Formatter.joinedByLineFeed('POST', '/v3/pay/transactions/jsapi', '1795444200', '593BEC0C930BF1AFEB40B4A08C8FB242', body);
console.log(`| npm wechatpay-axios-plugin | sign a request | ${median(() => Rsa.sign(request(), key).length > 300)} |`);
const answer = Formatter.joinedByLineFeed('1795444200', '593BEC0C930BF1AFEB40B4A08C8FB242', body);
const signature = Rsa.sign(answer, key);
console.log(`| npm wechatpay-axios-plugin | verify an answer | ${median(() => Rsa.verify(answer, signature, certificate))} |`);
