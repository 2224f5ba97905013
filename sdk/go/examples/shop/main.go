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
var fees, states sync.Map                  // Orders by number: a database in a real shop.

func main() {
	env, app := os.Getenv, os.Getenv("MAXPAY_APP_ID")
	pay, err := maxpay.New(maxpay.Config{BaseURL: env("MAXPAY_URL"), AppID: app, MasterKey: env("MAXPAY_MASTER_KEY")})
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		number, channel, item := rand.Text(), maxpay.Channel(r.FormValue("channel")), r.FormValue("item")
		fee, isOurs := prices[item]
		if !isOurs {
			http.Error(w, "there is no such item", http.StatusBadRequest)
			return
		}
		charged, err := pay.Charge(r.Context(), maxpay.ChargeRequest{Channel: channel, BillNum: number, TotalFee: fee,
			Subject: item, ReturnURL: "http://" + r.Host + "/orders/" + number})
		if err != nil {
			log.Print(err) // It is the shop's matter, and no visitor's.
			http.Error(w, "it cannot be paid this way now", http.StatusBadGateway)
			return
		}
		fees.Store(number, fee)
		states.Store(number, "open")
		json.NewEncoder(w).Encode(map[string]any{"order": number, "id": charged.ID, "pay": charged.Params})
	})
	http.HandleFunc("GET /orders/{number}", func(w http.ResponseWriter, r *http.Request) {
		status, isOurs := states.Load(r.PathValue("number"))
		if !isOurs {
			http.NotFound(w, r)
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"status": status})
	})
	http.HandleFunc("POST /webhook", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		event, refusal := maxpay.Verify(body, r.Header, maxpay.VerifyOptions{Secrets: strings.Fields(env("MAXPAY_WEBHOOK_SECRET")), AppID: app})
		if err != nil || refusal != nil {
			http.Error(w, "refused", http.StatusBadRequest)
			return
		}
		if fee, isOurs := fees.Load(event.BillNum); isOurs && event.Type == "payment.success" && event.TotalFee == fee {
			states.Store(event.BillNum, "paid") // A second webhook of the same event changes nothing.
		}
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+env("PORT"), http.MaxBytesHandler(http.DefaultServeMux, 1<<16)))
}
