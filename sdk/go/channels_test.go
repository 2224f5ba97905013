package maxpay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"maxpay.example/go/maxpay"
)

const extras = `{"茶":[1,{}],"big":9007199254740993}`

func TestEveryChannelIsChargedPaidToldAndRefunded(t *testing.T) {
	client, receiver := newClient(t), newReceiver(t)
	ctx := t.Context()
	var refunds []*maxpay.Refund
	for _, one := range channels {
		channel, bill := one.needs.Channel, newBill()
		request := chargeRequest(channel, bill)
		request.Extras = rawExtras{}
		charged := must(client.Charge(ctx, request))(t)
		for _, name := range strings.Fields(one.members) {
			if _, isThere := charged.Params[name]; !isThere {
				t.Fatalf("%s has no %s", channel, name)
			}
		}
		// What the JavaScript package's `pay` tells a charge by.
		for name, expected := range map[string]string{"id": charged.ID, "channel": string(channel), "billNum": bill} {
			equal(t, string(charged.Params[name]), fmt.Sprintf("%q", expected))
		}
		equal(t, must(client.Records(ctx, maxpay.RecordsQuery{BillNum: bill}))(t)[0].Status, "created")
		pay(t, channel, charged.ID)

		event := receiver.event(t, bill, "payment.success")
		equal(t, event.ID, charged.ID)
		equal(t, event.TotalFee, 9900)
		equal(t, event.Channel, channel)
		equal(t, string(event.Extras), extras)
		record := must(client.Records(ctx, maxpay.RecordsQuery{BillNum: bill}))(t)[0]
		equal(t, record.Status, "success")
		equal(t, record.Money, "¥ 99.00")
		equal(t, record.RefundedFee, 0)
		equal(t, string(record.Extras), extras)

		request2 := maxpay.RefundRequest{BillNum: bill, RefundNum: "R" + charged.ID, RefundFee: 100, Reason: "凉了"}
		refund := must(client.Refund(ctx, request2))(t)
		equal(t, refund.RefundFee, 100)
		equal(t, refund.Reason, "凉了")
		refunds = append(refunds, refund)
	}
	equal(t, len(refunds), 12)
	for _, refund := range refunds {
		done := until(t, "the refund of "+string(refund.Channel), func() (maxpay.Refund, bool) {
			must(client.Sync(ctx, maxpay.SyncRequest{BillNum: refund.BillNum}))(t)
			found := must(client.Refunds(ctx, maxpay.RefundsQuery{RefundNum: refund.RefundNum}))(t)[0]
			return found, found.Status != "pending"
		})
		equal(t, done.Status, "success")
		told := receiver.event(t, refund.BillNum, "refund.success")
		equal(t, told.RefundNum, refund.RefundNum)
		equal(t, told.RefundFee, 100)
		equal(t, told.RefundedFee, 100)
		for one, err := range client.AllRefunds(ctx, maxpay.RefundsQuery{BillNum: refund.BillNum}) {
			equal(t, err, nil)
			equal(t, one.RefundNum, refund.RefundNum)
		}
		equal(t, must(client.Sync(ctx, maxpay.SyncRequest{BillNum: refund.BillNum}))(t)[0].RefundedFee, 100)
	}
}

type rawExtras struct{}

func (rawExtras) MarshalJSON() ([]byte, error) { return []byte(extras), nil }

func TestEveryChannelIsClosed(t *testing.T) {
	client, receiver := newClient(t), newReceiver(t)
	for _, one := range channels {
		bill := newBill()
		charge(t, client, one.needs.Channel, bill)
		closed := must(client.Close(t.Context(), maxpay.CloseRequest{BillNum: bill, Channel: one.needs.Channel}))(t)
		equal(t, closed.Status, "closed")
		equal(t, receiver.event(t, bill, "payment.closed").Status, "closed")
	}
}

func TestTheClientKeyAndASessionTokenChargeAndAsk(t *testing.T) {
	session := must(newClient(t).Session(t.Context(), maxpay.SessionRequest{TTLSeconds: 60, UserID: "7"}))(t)
	for _, client := range []*maxpay.Client{
		newClient(t, func(config *maxpay.Config) { config.MasterKey, config.ClientKey = "", clientKey }),
		newClient(t, func(config *maxpay.Config) { config.MasterKey, config.SessionToken = "", session.Token }),
	} {
		bill := newBill()
		charged := charge(t, client, maxpay.WxNative, bill)
		equal(t, must(client.Records(t.Context(), maxpay.RecordsQuery{BillNum: bill}))(t)[0].ID, charged.ID)
		_, err := client.Refund(t.Context(), maxpay.RefundRequest{BillNum: bill, RefundNum: "R1", RefundFee: 1})
		isRefused(t, err, maxpay.AppInvalid, "")
	}
}

func TestTheIteratorGoesOverAllPagesWhileBillsAreMade(t *testing.T) {
	client := newClient(t)
	var ids []string
	for range 7 {
		ids = append(ids, charge(t, client, maxpay.AliWap, newBill()).ID)
	}
	since := must(client.Records(t.Context(), maxpay.RecordsQuery{Channel: "ali", Limit: 7}))(t)[6].CreatedTime
	for _, order := range []string{"", "createdTime", "-createdTime"} {
		records := client.AllRecords(t.Context(), maxpay.RecordsQuery{Channel: "ali", StartTime: since, Order: order, Limit: 2})
		for range 2 { // An iterator begins anew each time.
			var found []string
			var times []int64
			for record, err := range records {
				equal(t, err, nil)
				found, times = append(found, record.ID), append(times, record.CreatedTime)
				if len(found) == 1 {
					charge(t, client, maxpay.AliWap, newBill())
				}
			}
			for _, id := range ids {
				if !slices.Contains(found, id) {
					t.Fatalf("order %q: %s is missing", order, id)
				}
			}
			if order != "createdTime" {
				slices.Reverse(times)
			}
			equal(t, slices.IsSorted(times), true)
			slices.Sort(found)
			equal(t, len(slices.Compact(slices.Clone(found))), len(found))
		}
	}
}

func TestAnIteratorTellsItsErrorAndEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	told := 0
	for _, err := range newClient(t).AllRecords(ctx, maxpay.RecordsQuery{}) {
		told++
		equal(t, err != nil, true)
	}
	for _, err := range newClient(t).AllRefunds(t.Context(), maxpay.RefundsQuery{BillNum: "never-made"}) {
		told++
		isRefused(t, err, maxpay.ParamInvalid, "billNum")
	}
	equal(t, told, 2)
}

func TestTheTriesOfOneBillAreAllFound(t *testing.T) {
	client, bill := newClient(t), newBill()
	for _, channel := range []maxpay.Channel{maxpay.AliWap, maxpay.WxNative, maxpay.UnipayApp, maxpay.AliApp, maxpay.ApplepayUpacp} {
		charge(t, client, channel, bill)
	}
	for _, size := range []int{1, 2, 5} {
		found := map[string]bool{}
		for record := range client.AllRecords(t.Context(), maxpay.RecordsQuery{BillNum: bill, Limit: size}) {
			found[record.ID] = true
		}
		equal(t, len(found), 5)
	}
}

func TestRecordsOfOneMillisecondArePassedOverByTheirNumber(t *testing.T) {
	page := func(times ...int) string {
		var each []string
		for _, one := range times {
			each = append(each, fmt.Sprintf(`{"id":"a","billNum":"b","channel":"ali_app","currency":"CNY","money":"","totalFee":1,`+
				`"status":"success","createdTime":%d}`, one))
		}
		return `200 {"code":0,"msg":"OK","results":[` + strings.Join(each, ",") + "]}"
	}
	for order, bound := range map[string]string{"": "endTime", "createdTime": "startTime"} {
		road := newRoad(t, page(9, 7), page(7, 7), page(7, 5), page(5))
		var found, asked []string
		for record, err := range newClient(t, road.at).AllRecords(t.Context(), maxpay.RecordsQuery{Order: order, Limit: 2}) {
			equal(t, err, nil)
			found = append(found, fmt.Sprint(record.CreatedTime))
		}
		equal(t, strings.Join(found, " "), "9 7 7 7 7 5 5")
		for _, one := range road.passed {
			var query map[string]any
			equal(t, json.Unmarshal(one.body, &query), nil)
			asked = append(asked, fmt.Sprint(query[bound], " ", query["skip"]))
		}
		equal(t, strings.Join(asked, ", "), "<nil> <nil>, 7 1, 7 3, 5 1")
	}
}

func TestWebhooksAreVerifiedByTheOldAndTheNewSecret(t *testing.T) {
	client, receiver, bill := newClient(t), newReceiver(t), newBill()
	rotate := "/admin/v1/apps/" + appID + "/webhooks/" + receiver.id + "/secret/rotate"
	rotated := ask(t, "POST", rotate, map[string]any{"graceSeconds": 600})
	pay(t, maxpay.WxApp, charge(t, client, maxpay.WxApp, bill).ID)
	receiver.event(t, bill, "payment.success")
	receiver.secret = rotated["secret"].(string)
	receiver.event(t, bill, "payment.success")
}

func TestACheckoutIsMadeAndItsResultIsVerified(t *testing.T) {
	client, bill := newClient(t), newBill()
	request := maxpay.CheckoutRequest{
		BillNum: bill, TotalFee: 9900, Subject: "一杯茶", ReturnURL: "http://127.0.0.1:9/back?a=b", ExpiresIn: 600, Channels: []maxpay.Channel{maxpay.AliWap},
	}
	made := must(client.Checkout(t.Context(), request))(t)
	equal(t, strings.HasPrefix(made.URL, stackURL+"/pay/"), true)
	equal(t, strings.HasPrefix(made.QR, "<svg "), true)
	equal(t, made.ExpiresAt > 0, true)
	options := maxpay.ResultOptions{MasterKeys: []string{"old", masterKey}, AppID: appID}
	left := must(maxpay.VerifyResult(leave(t, made.URL), options))(t)
	equal(t, *left, maxpay.Result{AppID: appID, Mode: "test", BillNum: bill, Status: "cancel", Time: left.Time})
	charged := charge(t, client, maxpay.AliQrcode, bill)
	pay(t, maxpay.AliQrcode, charged.ID)
	must(client.Sync(t.Context(), maxpay.SyncRequest{BillNum: bill}))(t)
	paid := must(maxpay.VerifyResult(leave(t, made.URL), options))(t)
	equal(t, paid.Status+" "+paid.ID, "success "+charged.ID)
	equal(t, paid.TotalFee, 9900)
	_, err := maxpay.VerifyResult(strings.ReplaceAll(leave(t, made.URL), "9900", "1"), options)
	equal(t, strings.HasPrefix(fmt.Sprint(err), "wrong-signature"), true)
	_, err = client.Checkout(t.Context(), request)
	isRefused(t, err, maxpay.ParamInvalid, "paid")
}
