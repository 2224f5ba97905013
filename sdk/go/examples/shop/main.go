// A shop's backend. It charges an order, hears by webhook that it is paid, and says so.
//
//	POST /orders?item=tea&channel=ali_web   what the payer's page or app needs to pay
//	GET  /orders/{number}                   {"status":"open"} or {"status":"paid"}
//	POST /webhook                           what MaxPay tells
package main

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"

	"maxpay.example/go/maxpay"
)

var prices = map[string]int64{"tea": 9900} // In fen. The server names the price, never the page.
var fees, paid sync.Map                    // Orders by number: a database in a real shop.

func main() {
	env, app := os.Getenv, os.Getenv("MAXPAY_APP_ID")
	pay, err := maxpay.New(maxpay.Config{BaseURL: env("MAXPAY_URL"), AppID: app, MasterKey: env("MAXPAY_MASTER_KEY")})
	if err != nil {
		log.Fatal(err)
	}
	hooks := maxpay.VerifyOptions{Secrets: strings.Fields(env("MAXPAY_WEBHOOK_SECRET")), AppID: app}
	http.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		number, item := rand.Text(), r.FormValue("item")
		charged, err := pay.Charge(r.Context(), maxpay.ChargeRequest{Channel: maxpay.Channel(r.FormValue("channel")), BillNum: number,
			TotalFee: prices[item], Subject: item, ReturnURL: "http://" + r.Host + "/orders/" + number})
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		fees.Store(number, prices[item])
		json.NewEncoder(w).Encode(map[string]any{"order": number, "id": charged.ID, "pay": charged.Params})
	})
	http.HandleFunc("GET /orders/{number}", func(w http.ResponseWriter, r *http.Request) {
		_, isPaid := paid.Load(r.PathValue("number"))
		json.NewEncoder(w).Encode(map[string]string{"status": map[bool]string{true: "paid", false: "open"}[isPaid]})
	})
	http.HandleFunc("POST /webhook", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		event, refusal := maxpay.Verify(body, r.Header, hooks)
		if err != nil || refusal != nil {
			http.Error(w, "refused", http.StatusBadRequest)
			return
		}
		if fee, isOurs := fees.Load(event.BillNum); isOurs && event.Type == "payment.success" && event.TotalFee == fee {
			paid.Store(event.BillNum, true) // A second webhook of the same event changes nothing.
		}
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+env("PORT"), nil))
}
