package maxpay_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"maxpay.example/go/maxpay"
)

func TestEveryVectorIsDecidedAsItSays(t *testing.T) {
	var vectors struct {
		Cases []struct {
			Name                string
			Headers             map[string]string
			Body                []byte
			Secrets, MasterKeys []string
			AppID               string
			Now, Tolerance      int64
			Expect              string
			Event               struct {
				Type, BillNum string
				TotalFee      int64
			}
		}
	}
	written := must(os.ReadFile("../vectors/webhooks.json"))(t)
	if err := json.Unmarshal(written, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Cases) < 90 {
		t.Fatalf("only %d cases", len(vectors.Cases))
	}
	for _, one := range vectors.Cases {
		t.Run(one.Name, func(t *testing.T) {
			header := http.Header{}
			for name, value := range one.Headers {
				header[name] = []string{value}
			}
			options := maxpay.VerifyOptions{
				Secrets: one.Secrets, MasterKeys: one.MasterKeys, AppID: one.AppID, Now: time.Unix(one.Now, 0),
				Tolerance: max(time.Duration(one.Tolerance)*time.Second, time.Nanosecond),
			}
			event, err := maxpay.Verify(one.Body, header, options)
			if one.Expect == "ok" {
				if err != nil {
					t.Fatal(err)
				}
				equal(t, event.Type, one.Event.Type)
				equal(t, event.BillNum, one.Event.BillNum)
				equal(t, event.TotalFee, one.Event.TotalFee)
				equal(t, string(event.Raw), string(one.Body))
				return
			}
			var refusal *maxpay.WebhookError
			if !errors.As(err, &refusal) || string(refusal.Code) != one.Expect || event != nil {
				t.Fatalf("found %v, expected %s", err, one.Expect)
			}
			for _, secret := range append(one.Secrets, one.MasterKeys...) {
				if len(secret) > 20 && strings.Contains(err.Error(), secret) {
					t.Fatalf("the error names a secret: %v", err)
				}
			}
		})
	}
}

func TestEveryResultOfACheckoutIsDecidedAsItSays(t *testing.T) {
	var vectors struct {
		Cases []struct {
			Name, URL      string
			MasterKeys     []string
			AppID          string
			Now, Tolerance int64
			Expect         string
			Result         maxpay.Result
		}
	}
	written := must(os.ReadFile("../vectors/results.json"))(t)
	if err := json.Unmarshal(written, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Cases) < 90 {
		t.Fatalf("only %d cases", len(vectors.Cases))
	}
	for _, one := range vectors.Cases {
		t.Run(one.Name, func(t *testing.T) {
			options := maxpay.ResultOptions{
				MasterKeys: one.MasterKeys, AppID: one.AppID, Now: time.Unix(one.Now, 0),
				Tolerance: max(time.Duration(one.Tolerance)*time.Second, time.Nanosecond),
			}
			result, err := maxpay.VerifyResult(one.URL, options)
			if one.Expect == "ok" {
				equal(t, must(result, err)(t) != nil, true)
				equal(t, *result, one.Result)
				return
			}
			var refusal *maxpay.ResultError
			if !errors.As(err, &refusal) || string(refusal.Code) != one.Expect || result != nil {
				t.Fatalf("found %v, expected %s", err, one.Expect)
			}
			for _, key := range one.MasterKeys {
				if key != "" && strings.Contains(fmt.Sprintf("%v %+v", err, options), key) {
					t.Fatalf("a text names a key: %v", err)
				}
			}
		})
	}
}
