package main

import (
	"bytes"
	"net/http"
	"os"
	"strconv"
)

func expect(name string, found, wanted bool) {
	if found != wanted {
		panic(name)
	}
}

func headers(id, signature string) http.Header {
	all := http.Header{}
	all.Set("webhook-id", id)
	all.Set("webhook-timestamp", os.Getenv("WH_TIMESTAMP"))
	all.Set("webhook-signature", signature)
	return all
}

func main() {
	id, signature, secret := os.Getenv("WH_ID"), os.Getenv("WH_SIGNATURE"), os.Getenv("WH_SECRET")
	body, master := []byte(os.Getenv("WH_BODY")), os.Getenv("WH_MASTER")
	now, _ := strconv.ParseInt(os.Getenv("WH_TIMESTAMP"), 10, 64)
	altered := bytes.Replace(body, []byte(`"totalFee":1`), []byte(`"totalFee":2`), 1)
	expect("genuine", VerifyWebhook(headers(id, signature), body, secret, now+300), true)
	expect("two signatures", VerifyWebhook(headers(id, "v1,AAAA "+signature), body, secret, now), true)
	expect("altered", VerifyWebhook(headers(id, signature), altered, secret, now), false)
	expect("other id", VerifyWebhook(headers("msg_2", signature), body, secret, now), false)
	expect("old", VerifyWebhook(headers(id, signature), body, secret, now+301), false)
	expect("bare", VerifyWebhook(http.Header{}, body, secret, now), false)
	expect("sign", VerifySign(body, master), true)
	expect("other key", VerifySign(body, "other"), false)
}
