
$headers = ['webhook-id' => getenv('WH_ID'), 'webhook-timestamp' => getenv('WH_TIMESTAMP'), 'webhook-signature' => getenv('WH_SIGNATURE')];
$body = getenv('WH_BODY');
$secret = getenv('WH_SECRET');
$now = (int) getenv('WH_TIMESTAMP');
function expect(string $name, bool $found, bool $wanted): void {
    if ($found !== $wanted) {
        fwrite(STDERR, "$name\n");
        exit(1);
    }
}
expect('genuine', verify_webhook($headers, $body, $secret, $now + 300), true);
expect('two signatures', verify_webhook(['webhook-signature' => 'v1,AAAA ' . getenv('WH_SIGNATURE')] + $headers, $body, $secret, $now), true);
expect('altered', verify_webhook($headers, str_replace('"totalFee":1', '"totalFee":2', $body), $secret, $now), false);
expect('other id', verify_webhook(['webhook-id' => 'msg_2'] + $headers, $body, $secret, $now), false);
expect('old', verify_webhook($headers, $body, $secret, $now + 301), false);
expect('bare', verify_webhook([], $body, $secret, $now), false);
expect('sign', verify_sign($body, getenv('WH_MASTER')), true);
expect('other key', verify_sign($body, 'other'), false);
