package maxpay_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"maxpay.example/go/maxpay"
)

func isRefused(t *testing.T, err error, code maxpay.Code, words string) {
	t.Helper()
	var refusal *maxpay.Error
	if !errors.As(err, &refusal) || !errors.Is(err, code) || refusal.Status != 200 {
		t.Fatalf("found %v, expected a refusal by code %d", err, int(code))
	}
	if !strings.Contains(refusal.Err, words) || !strings.Contains(err.Error(), refusal.Msg) || strings.Contains(err.Error(), masterKey) {
		t.Fatalf("found %v, expected it to name %q", err, words)
	}
}

func newApp(t *testing.T, alipay map[string]any) *maxpay.Client {
	t.Helper()
	made := ask(t, "POST", "/admin/v1/apps", map[string]any{"name": "go"})
	id := made["appId"].(string)
	if alipay != nil {
		ask(t, "PUT", "/admin/v1/apps/"+id+"/channels/ali?mode=test", alipay)
	}
	return newClient(t, func(config *maxpay.Config) {
		config.AppID, config.MasterKey = id, made["test"].(map[string]any)["masterKey"].(string)
	})
}

func TestEachCodeHasItsError(t *testing.T) {
	client, ctx := newClient(t), t.Context()
	stranger := newClient(t, func(config *maxpay.Config) { config.MasterKey = "wrong" })
	_, err := stranger.Charge(ctx, chargeRequest(maxpay.AliApp, "1"))
	isRefused(t, err, maxpay.AppInvalid, "X-ML-MasterKey")
	_, err = newApp(t, nil).Charge(ctx, chargeRequest(maxpay.WxApp, "1"))
	isRefused(t, err, maxpay.PayFactorNotSet, "wx_app")
	_, err = client.Close(ctx, maxpay.CloseRequest{BillNum: "1", Channel: maxpay.FamilyAli})
	isRefused(t, err, maxpay.ChannelInvalid, "channel")
	_, err = client.Charge(ctx, maxpay.ChargeRequest{Channel: maxpay.AliWeb, BillNum: "1", TotalFee: 1, Subject: "tea"})
	isRefused(t, err, maxpay.MissParam, "returnUrl")
	_, err = client.Charge(ctx, maxpay.ChargeRequest{Channel: maxpay.AliApp, BillNum: "1", Subject: "tea"})
	isRefused(t, err, maxpay.ParamInvalid, "totalFee")
	_, err = client.Sync(ctx, maxpay.SyncRequest{BillNum: "never-made"})
	isRefused(t, err, maxpay.ParamInvalid, "billNum")
	if errors.Is(err, maxpay.MissParam) {
		t.Fatal("a refusal is of one code")
	}
}

func TestAKeyThatCannotSignAndAProviderThatRefuses(t *testing.T) {
	mapi := ask(t, "GET", "/_local/simulator/alipay/settings", nil)["mapi"].(map[string]any)
	delete(mapi, "privateKey")
	delete(mapi, "alipayPublicKey")
	_, err := newApp(t, mapi).Charge(t.Context(), chargeRequest(maxpay.AliApp, "1"))
	isRefused(t, err, maxpay.CertFileError, "privateKey")
	client, bill := newClient(t), newBill()
	ask(t, "POST", "/_local/simulator/alipay/faults", map[string]any{"next": []string{"unsigned"}})
	_, err = client.Charge(t.Context(), chargeRequest(maxpay.AliQrcode, bill))
	isRefused(t, err, maxpay.ChannelError, "")
	equal(t, charge(t, client, maxpay.AliQrcode, bill).CodeURL != "", true)
}

func TestAnAddressThatIsNotTheGatewayIsSaidSo(t *testing.T) {
	_, err := newClient(t, func(config *maxpay.Config) { config.BaseURL += "/elsewhere" }).Records(t.Context(), maxpay.RecordsQuery{})
	var unexpected *maxpay.UnexpectedAnswer
	if !errors.As(err, &unexpected) || unexpected.Status != 404 || !strings.Contains(err.Error(), "base URL") {
		t.Fatal(err)
	}
}

func TestAChargeGetsThroughWhateverTheRoadDoesAndIsOneBill(t *testing.T) {
	for _, fault := range []string{"drop", "500", "503", "14", "429", "cut off", "lose the answer"} {
		road, bill := newRoad(t, fault), newBill()
		charged := charge(t, newClient(t, road.at), maxpay.WxNative, bill)
		equal(t, len(road.passed), 2)
		records := must(newClient(t).Records(t.Context(), maxpay.RecordsQuery{BillNum: bill}))(t)
		equal(t, len(records), 1)
		equal(t, records[0].ID, charged.ID)
	}
}

func TestARefundWhoseAnswerWasLostMovesMoneyOnce(t *testing.T) {
	client, bill := newClient(t), newBill()
	charged := charge(t, client, maxpay.AliApp, bill)
	pay(t, maxpay.AliApp, charged.ID)
	road := newRoad(t, "lose the answer", "lose the answer")
	request := maxpay.RefundRequest{BillNum: bill, RefundNum: "R" + charged.ID, RefundFee: 50}
	must(newClient(t, road.at).Refund(t.Context(), request))(t)
	equal(t, len(road.passed), 3)
	refunds := must(client.Refunds(t.Context(), maxpay.RefundsQuery{BillNum: bill}))(t)
	equal(t, len(refunds), 1)
	equal(t, refunds[0].RefundFee, 50)
}

func TestItGivesUpAfterItsRetries(t *testing.T) {
	road, begun := newRoad(t, "14", "14", "14"), time.Now()
	_, err := newClient(t, road.at, func(config *maxpay.Config) { config.Retries = 1 }).Records(t.Context(), maxpay.RecordsQuery{})
	var refusal *maxpay.Error
	if !errors.As(err, &refusal) || !errors.Is(err, maxpay.RunTimeError) || refusal.Status != 503 {
		t.Fatal(err)
	}
	equal(t, refusal.RequestID, "r-1")
	equal(t, strings.HasSuffix(err.Error(), " (request r-1)"), true)
	equal(t, len(road.passed), 2)
	equal(t, time.Since(begun) >= 125*time.Millisecond, true)
	road = newRoad(t, "drop", "drop")
	_, err = newClient(t, road.at, func(config *maxpay.Config) { config.Retries = -1 }).Records(t.Context(), maxpay.RecordsQuery{})
	var connection *maxpay.ConnectionError
	equal(t, errors.As(err, &connection), true)
	equal(t, len(road.passed), 1)
}

func TestARefusalIsNotTriedAgain(t *testing.T) {
	road := newRoad(t)
	_, err := newClient(t, road.at).Sync(t.Context(), maxpay.SyncRequest{BillNum: "never-made"})
	isRefused(t, err, maxpay.ParamInvalid, "billNum")
	equal(t, len(road.passed), 1)
}

func TestNoRedirectIsFollowed(t *testing.T) {
	road := newRoad(t, "redirect")
	_, err := newClient(t, road.at).Records(t.Context(), maxpay.RecordsQuery{})
	var unexpected *maxpay.UnexpectedAnswer
	if !errors.As(err, &unexpected) || unexpected.Status != 308 {
		t.Fatal(err)
	}
	equal(t, len(road.passed), 1)
}

func TestNobodyWhoHangsIsWaitedForBeyondTheTimeout(t *testing.T) {
	begun := time.Now()
	impatient := func(config *maxpay.Config) { config.Timeout, config.Retries = 200*time.Millisecond, -1 }
	_, err := newClient(t, newRoad(t, "hang").at, impatient).Records(t.Context(), maxpay.RecordsQuery{})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 5*time.Second {
		t.Fatal(err)
	}
}

func TestACallerWhoStopsWaitingIsNotTriedAgain(t *testing.T) {
	road := newRoad(t, "hang", "hang", "hang")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := newClient(t, road.at).Records(ctx, maxpay.RecordsQuery{})
	equal(t, errors.Is(err, context.DeadlineExceeded), true)
	equal(t, len(road.passed), 1)
}

func TestItSaysWhoCallsAndKeepsWhatItDoesNotKnow(t *testing.T) {
	record := `{"id":"a","billNum":"b","channel":"new","createdTime":1,"currency":"CNY","money":"","totalFee":9007199254740993,` +
		`"TotalFee":1,"status":"new","later":[1]}`
	road := newRoad(t, `200 {"code":0,"msg":"OK","results":[`+record+`]}`, `200 {"code":0,"results":[{}]}`, `200 {"code":99}`, "200 <html>")
	client := newClient(t, road.at)
	found := must(client.Records(t.Context(), maxpay.RecordsQuery{}))(t)[0]
	equal(t, string(found.Raw), record)
	equal(t, found.TotalFee, 9007199254740993)
	equal(t, road.passed[0].header.Get("User-Agent"), "maxpay-go/"+maxpay.Version)
	for _, words := range []string{"HTTP 200: an answer to records in which id is absent", "99", "base URL"} {
		_, err := client.Records(t.Context(), maxpay.RecordsQuery{})
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Fatalf("found %v, expected %q", err, words)
		}
	}
}

func TestWhatIsNoUTF8AndNoJSONIsRefused(t *testing.T) {
	for field, request := range map[string]maxpay.ChargeRequest{
		"BillNum": {BillNum: "\xff"}, "Subject": {Subject: "\xff"}, "Extras": {Extras: func() {}},
	} {
		_, err := newClient(t).Charge(t.Context(), request)
		var argument *maxpay.ArgumentError
		if !errors.As(err, &argument) || argument.Field != field {
			t.Fatalf("%s: %v", field, err)
		}
	}
}

func TestWrongSettingsAreNamed(t *testing.T) {
	good := maxpay.Config{BaseURL: stackURL, AppID: appID, MasterKey: "secret-of-mine"}
	for _, one := range []struct {
		field  string
		change func(*maxpay.Config)
	}{
		{"exactly one", func(config *maxpay.Config) { config.MasterKey = "" }},
		{"exactly one", func(config *maxpay.Config) { config.ClientKey = "a" }},
		{"MasterKey", func(config *maxpay.Config) { config.MasterKey = "secret-of-mine\n" }},
		{"AppID", func(config *maxpay.Config) { config.AppID = "" }},
		{"BaseURL", func(config *maxpay.Config) { config.BaseURL = "ftp://pay.example" }},
		{"BaseURL", func(config *maxpay.Config) { config.BaseURL = "https://u:secret-of-mine@pay.example" }},
		{"BaseURL", func(config *maxpay.Config) { config.BaseURL = "https://pay.example?a=b" }},
		{"BaseURL", func(config *maxpay.Config) { config.BaseURL = "pay.example" }},
		{"BaseURL", func(config *maxpay.Config) { config.BaseURL = "https://pay.example?" }},
		{"BaseURL", func(config *maxpay.Config) { config.BaseURL = "https://pay.example#" }},
		{"BaseURL", func(config *maxpay.Config) { config.BaseURL = "https://pay.example/a b" }},
	} {
		config := good
		one.change(&config)
		_, err := maxpay.New(config)
		var argument *maxpay.ArgumentError
		if !errors.As(err, &argument) || !strings.Contains(err.Error(), one.field) || strings.Contains(err.Error(), "secret-of-mine") {
			t.Fatalf("%s: %v", one.field, err)
		}
	}
}

func TestNoSecretIsPrinted(t *testing.T) {
	config := maxpay.Config{BaseURL: stackURL, AppID: appID, MasterKey: "secret-of-mine"}
	options := maxpay.VerifyOptions{Secrets: []string{"secret-of-mine"}, MasterKeys: []string{"secret-of-mine"}}
	client := must(maxpay.New(config))(t)
	inside := struct{ client *maxpay.Client }{client}
	session := maxpay.Session{Token: "secret-of-mine", ExpiresAt: 1}
	var shown strings.Builder
	for _, one := range []any{config, &config, options, &options, client, *client, inside, session, &session, []any{config, session}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			fmt.Fprintf(&shown, verb, one)
		}
	}
	for _, one := range []any{config, options} {
		shown.Write(must(json.Marshal(one))(t))
		shown.Write(must(xml.Marshal(one))(t))
	}
	for _, secret := range []string{"secret-of-mine", fmt.Sprintf("%x", "secret-of-mine")} {
		if strings.Contains(shown.String(), secret) {
			t.Fatalf("it is in %s", shown.String())
		}
	}
}
