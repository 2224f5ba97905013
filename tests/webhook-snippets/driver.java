
class Driver {
    static void expect(String name, boolean found, boolean wanted) {
        if (found != wanted) throw new AssertionError(name);
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, String> env = System.getenv();
        String id = env.get("WH_ID"), timestamp = env.get("WH_TIMESTAMP"), signature = env.get("WH_SIGNATURE");
        Map<String, String> headers = Map.of("webhook-id", id, "webhook-timestamp", timestamp, "webhook-signature", signature);
        Map<String, String> two = Map.of("webhook-id", id, "webhook-timestamp", timestamp, "webhook-signature", "v1,AAAA " + signature);
        Map<String, String> other = Map.of("webhook-id", "msg_2", "webhook-timestamp", timestamp, "webhook-signature", signature);
        String text = env.get("WH_BODY");
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        byte[] altered = text.replace("\"totalFee\":1", "\"totalFee\":2").getBytes(StandardCharsets.UTF_8);
        String secret = env.get("WH_SECRET");
        long now = Long.parseLong(timestamp);
        expect("genuine", MaxPayWebhook.verifyWebhook(headers, body, secret, now + 300), true);
        expect("two signatures", MaxPayWebhook.verifyWebhook(two, body, secret, now), true);
        expect("altered", MaxPayWebhook.verifyWebhook(headers, altered, secret, now), false);
        expect("other id", MaxPayWebhook.verifyWebhook(other, body, secret, now), false);
        expect("old", MaxPayWebhook.verifyWebhook(headers, body, secret, now + 301), false);
        expect("bare", MaxPayWebhook.verifyWebhook(Map.of(), body, secret, now), false);
        long sent = Long.parseLong(env.get("WH_MS"));
        expect("sign", MaxPayWebhook.verifySign(env.get("WH_APPID"), sent, env.get("WH_SIGN"), env.get("WH_MASTER")), true);
        expect("other key", MaxPayWebhook.verifySign(env.get("WH_APPID"), sent, env.get("WH_SIGN"), "other"), false);
    }
}
