package maxpay_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"maxpay.example/go/maxpay"
)

func TestTheExampleShopsOrderTurnsPaidByWebhookAndByNoForgery(t *testing.T) {
	probe := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	port := probe.Addr().(*net.TCPAddr).Port
	probe.Close()
	shop := fmt.Sprintf("http://127.0.0.1:%d", port)
	_, secret := newWebhook(t, shop+"/webhook")
	binary := filepath.Join(t.TempDir(), "shop")
	if said, err := exec.Command("go", "build", "-o", binary, "./examples/shop").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	command := exec.Command(binary)
	command.Env = append(os.Environ(), fmt.Sprintf("PORT=%d", port), "MAXPAY_WEBHOOK_SECRET="+secret)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
	})
	until(t, "the shop", func() (bool, bool) {
		response, err := http.Get(shop + "/orders/1")
		if err != nil {
			return false, false
		}
		return true, response.Body.Close() == nil
	})
	status := func(number string) string { return askShop(t, "GET", shop+"/orders/"+number)["status"].(string) }

	order := askShop(t, "POST", shop+"/orders?item=tea&channel=ali_web")
	number := order["order"].(string)
	equal(t, strings.HasPrefix(order["pay"].(map[string]any)["ali_web"].(string), "http"), true)
	forged := must(http.Post(shop+"/webhook", "application/json", strings.NewReader(`{"billNum":"`+number+`","totalFee":9900}`)))(t)
	forged.Body.Close()
	equal(t, forged.StatusCode, 400)
	equal(t, status(number), "open")
	pay(t, maxpay.AliWeb, order["id"].(string))
	until(t, "the order to be paid", func() (bool, bool) { return true, status(number) == "paid" })

	for path, expected := range map[string]string{
		"/orders?item=gold&channel=ali_web": "400 there is no such item",
		"/orders?channel=ali_web":           "400 there is no such item",
		"/orders?item=tea&channel=ali":      "502 it cannot be paid this way now",
	} {
		refused := must(http.Post(shop+path, "", nil))(t)
		said := string(must(io.ReadAll(refused.Body))(t))
		refused.Body.Close()
		equal(t, fmt.Sprintf("%d %s", refused.StatusCode, strings.TrimSpace(said)), expected)
	}
	long := "item=tea&channel=ali_web&more=" + strings.Repeat("a", 1<<16)
	tooLong := must(http.Post(shop+"/orders", "application/x-www-form-urlencoded", strings.NewReader(long)))(t)
	tooLong.Body.Close()
	equal(t, tooLong.StatusCode, 400)
	unknown := must(http.Get(shop + "/orders/none"))(t)
	unknown.Body.Close()
	equal(t, unknown.StatusCode, 404)
}

func askShop(t *testing.T, method, url string) map[string]any {
	t.Helper()
	request := must(http.NewRequestWithContext(t.Context(), method, url, nil))(t)
	response := must(http.DefaultClient.Do(request))(t)
	defer response.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}
