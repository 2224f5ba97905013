package maxpay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"maxpay.example/go/maxpay"
)

// The running local stack, as tests/sdk/run says.
var (
	stackURL      = os.Getenv("MAXPAY_URL")
	appID         = os.Getenv("MAXPAY_APP_ID")
	clientKey     = os.Getenv("MAXPAY_CLIENT_KEY")
	masterKey     = os.Getenv("MAXPAY_MASTER_KEY")
	operatorToken = os.Getenv("MAXPAY_OPERATOR_TOKEN")
)

const longest = time.Minute

var events = []string{
	"payment.success", "refund.success", "refund.failed", "refund.stuck", "payment.closed", "payment.mismatch", "payment.duplicate",
}

// What a charge needs on each channel, and which members its answer has.
var channels = []struct {
	needs   maxpay.ChargeRequest
	members string
}{
	{maxpay.ChargeRequest{Channel: maxpay.AliApp}, "ali_app"},
	{maxpay.ChargeRequest{Channel: maxpay.AliWeb, ReturnURL: stackURL + "/_local/returned"}, "ali_web"},
	{maxpay.ChargeRequest{Channel: maxpay.AliWap}, "ali_wap"},
	{maxpay.ChargeRequest{Channel: maxpay.AliQrcode, ReturnURL: stackURL + "/_local/returned"}, "codeUrl"},
	{maxpay.ChargeRequest{Channel: maxpay.WxApp}, "appid partnerid prepayid package noncestr timestamp sign"},
	{maxpay.ChargeRequest{Channel: maxpay.WxJsapi, OpenID: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}, "appId timeStamp nonceStr package signType paySign"},
	{maxpay.ChargeRequest{Channel: maxpay.WxNative}, "codeUrl"},
	{maxpay.ChargeRequest{Channel: maxpay.WxLite, OpenID: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}, "appId timeStamp nonceStr package signType paySign"},
	{maxpay.ChargeRequest{Channel: maxpay.WxH5, ClientIP: "203.0.113.8"}, "wx_h5"},
	{maxpay.ChargeRequest{Channel: maxpay.UnipayApp}, "tn"},
	{maxpay.ChargeRequest{Channel: maxpay.UnipayWeb, ReturnURL: stackURL + "/_local/returned"}, "html"},
	{maxpay.ChargeRequest{Channel: maxpay.ApplepayUpacp}, "tn"},
}

func TestMain(m *testing.M) {
	if stackURL == "" || operatorToken == "" {
		fmt.Fprintln(os.Stderr, "these tests are run by tests/sdk/run")
		os.Exit(2)
	}
	os.Exit(m.Run())
}

func newClient(t *testing.T, change ...func(*maxpay.Config)) *maxpay.Client {
	t.Helper()
	config := maxpay.Config{BaseURL: stackURL, AppID: appID, MasterKey: masterKey}
	for _, one := range change {
		one(&config)
	}
	client, err := maxpay.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

var (
	run     = time.Now().UnixMilli()
	counted atomic.Int64
)

func newBill() string { return fmt.Sprintf("go-%d-%d-", run, counted.Add(1)) }

func chargeRequest(channel maxpay.Channel, bill string) maxpay.ChargeRequest {
	for _, one := range channels {
		if one.needs.Channel == channel {
			one.needs.BillNum, one.needs.TotalFee, one.needs.Subject = bill, 9900, "一杯茶"
			return one.needs
		}
	}
	return maxpay.ChargeRequest{Channel: channel, BillNum: bill, TotalFee: 9900, Subject: "一杯茶"}
}

func charge(t *testing.T, client *maxpay.Client, channel maxpay.Channel, bill string) *maxpay.Charged {
	t.Helper()
	return must(client.Charge(t.Context(), chargeRequest(channel, bill)))(t)
}

// must gives what a call answered, and ends the test where it failed.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func equal[T comparable](t *testing.T, found, expected T) {
	t.Helper()
	if found != expected {
		t.Fatalf("found %v, expected %v", found, expected)
	}
}

// ask makes a call that the SDK does not know: the operator's and the simulators'.
func ask(t *testing.T, method, path string, body any) map[string]any {
	t.Helper()
	written := must(json.Marshal(body))(t)
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	request := must(http.NewRequestWithContext(ctx, method, stackURL+path, bytes.NewReader(written)))(t)
	request.Header.Set("Authorization", "Bearer "+operatorToken)
	request.Header.Set("Content-Type", "application/json")
	response := must(http.DefaultClient.Do(request))(t)
	defer response.Body.Close()
	said := must(io.ReadAll(response.Body))(t)
	if response.StatusCode >= 300 {
		t.Fatalf("%s %s: %d %s", method, path, response.StatusCode, said)
	}
	var answer map[string]any
	if len(said) > 0 && json.Unmarshal(said, &answer) != nil {
		t.Fatalf("%s %s: %s", method, path, said)
	}
	return answer
}

func pay(t *testing.T, channel maxpay.Channel, id string) {
	t.Helper()
	family, _, _ := strings.Cut(string(channel), "_")
	trade, isKnown := map[string]string{"ali": "alipay/trades", "wx": "wechat/trades"}[family]
	if !isKnown {
		trade = "unionpay/orders"
	}
	ask(t, "POST", "/_local/simulator/"+trade+"/"+id+"/pay", map[string]any{})
}

// leave has a payer leave a checkout, and says where the next page sends the browser.
func leave(t *testing.T, page string) string {
	t.Helper()
	answer := must(http.Post(page+"/leave", "", nil))(t)
	said := string(must(io.ReadAll(answer.Body))(t))
	answer.Body.Close()
	_, sent, isSent := strings.Cut(said, `data-go="`)
	equal(t, isSent, true)
	sent, _, _ = strings.Cut(sent, `"`)
	return html.UnescapeString(sent)
}

// until asks again and again until there is an answer, a minute at the most.
func until[T any](t *testing.T, what string, find func() (T, bool)) T {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	end := time.After(longest)
	for {
		if found, isThere := find(); isThere {
			return found
		}
		select {
		case <-end:
			t.Fatalf("waited %s in vain: %s", longest, what)
		case <-tick.C:
		}
	}
}

type message struct {
	header http.Header
	body   []byte
}

// receiver is a webhook of all events that ends here.
type receiver struct {
	id, secret string
	mutex      sync.Mutex
	came       []message
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	made := &receiver{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return
		}
		made.mutex.Lock()
		defer made.mutex.Unlock()
		made.came = append(made.came, message{request.Header, body})
	}))
	t.Cleanup(server.Close)
	made.id, made.secret = newWebhook(t, server.URL)
	return made
}

func newWebhook(t *testing.T, url string) (id, secret string) {
	t.Helper()
	body := map[string]any{"target": map[string]any{"url": url}, "mode": "test", "events": events}
	webhook := ask(t, "POST", "/admin/v1/apps/"+appID+"/webhooks", body)
	id, secret = webhook["id"].(string), webhook["secret"].(string)
	t.Cleanup(func() { ask(t, "DELETE", "/admin/v1/apps/"+appID+"/webhooks/"+id, nil) })
	return id, secret
}

// event waits for an event, and verifies every webhook of that bill on the way.
func (r *receiver) event(t *testing.T, bill, kind string) *maxpay.Event {
	t.Helper()
	return until(t, kind+" of "+bill, func() (*maxpay.Event, bool) {
		r.mutex.Lock()
		defer r.mutex.Unlock()
		for _, one := range r.came {
			if !bytes.Contains(one.body, []byte(bill)) {
				continue
			}
			options := maxpay.VerifyOptions{Secrets: []string{r.secret}, MasterKeys: []string{masterKey}, AppID: appID}
			if event := must(maxpay.Verify(one.body, one.header, options))(t); event.Type == kind {
				return event, true
			}
		}
		return nil, false
	})
}

// road is a server that leads to the stack. For each request it takes the next of its faults, and passes the request on when none is left.
type road struct {
	url    string
	mutex  sync.Mutex
	faults []string
	passed []message
	closed chan struct{}
}

func newRoad(t *testing.T, faults ...string) *road {
	t.Helper()
	made := &road{faults: faults, closed: make(chan struct{})}
	server := httptest.NewServer(made)
	made.url = server.URL
	t.Cleanup(func() {
		close(made.closed)
		server.Close()
	})
	return made
}

func (r *road) at(config *maxpay.Config) { config.BaseURL = r.url }

func (r *road) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	r.mutex.Lock()
	fault := "pass"
	if len(r.faults) > 0 {
		fault, r.faults = r.faults[0], r.faults[1:]
	}
	r.passed = append(r.passed, message{request.Header, body})
	r.mutex.Unlock()
	status, text, hasText := 0, "", false
	if head, tail, isCut := strings.Cut(fault, " "); isCut && head == "200" {
		status, text, hasText = 200, tail, true
	}
	switch {
	case hasText:
		writer.WriteHeader(status)
		io.WriteString(writer, text)
	case fault == "hang":
		<-r.closed
	case fault == "drop":
		panic(http.ErrAbortHandler)
	case fault == "cut off":
		writer.Header().Set("Content-Length", "100")
		io.WriteString(writer, `{"code":0`)
	case fault == "redirect":
		http.Redirect(writer, request, stackURL+"/2.0/maxpay/records", http.StatusPermanentRedirect)
	case fault == "14":
		writer.Header().Set("Apigw-Requestid", "r-1")
		writer.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(writer, `{"code":14,"msg":"RUN_TIME_ERROR","err":"our own fault"}`)
	case fault == "429" || fault == "500" || fault == "503":
		fmt.Sscan(fault, &status)
		writer.WriteHeader(status)
		io.WriteString(writer, `{"message":"of the road"}`)
	default:
		r.passOn(writer, request, body, fault == "lose the answer")
	}
}

func (r *road) passOn(writer http.ResponseWriter, request *http.Request, body []byte, losesAnswer bool) {
	onward, err := http.NewRequestWithContext(context.Background(), request.Method, stackURL+request.URL.Path, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	onward.Header = request.Header.Clone()
	response, err := http.DefaultClient.Do(onward)
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()
	if losesAnswer {
		io.Copy(io.Discard, response.Body)
		panic(http.ErrAbortHandler)
	}
	writer.WriteHeader(response.StatusCode)
	io.Copy(writer, response.Body)
}
