// Package maxpay charges by Alipay, WeChat Pay and UnionPay through a MaxPay gateway of your own, and verifies its webhooks
// and what payers bring back from its checkouts.
//
// Amounts are integers in fen (1/100 CNY), times are milliseconds since 1970.
package maxpay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"
)

// Version is the version of this package.
const Version = "0.1.0"

const (
	// A hundred records with the longest extras are a tenth of it.
	answerBytesMax = 8 << 20
	pauseMin       = 250 * time.Millisecond
	pauseMax       = 5 * time.Second
)

// Config says where the gateway is and who calls. BaseURL, AppID and exactly one key are needed.
//
// It prints no key by itself or in an exported field. In an unexported field of a struct of yours fmt passes over every Format, so that %v of
// that struct shows the keys: keep the Client in it, which shows none anywhere.
type Config struct {
	BaseURL string
	AppID   string

	// MasterKey is the app's secret, for servers.
	MasterKey string `json:"-" xml:"-"`
	// ClientKey is the app's public key. It charges, and asks for bills by their number.
	ClientKey string `json:"-" xml:"-"`
	// SessionToken has the rights of ClientKey; see Client.Session.
	SessionToken string `json:"-" xml:"-"`

	// Timeout bounds each try as a whole; 0 is ten seconds.
	Timeout time.Duration
	// Retries is how often a call is made again after no answer, a 5xx or a 429; 0 is two, and below 0 is never.
	Retries int
	// HTTPClient is used with its transport; no redirect is followed all the same. Nil is one of net/http's.
	HTTPClient *http.Client
}

// Format prints no key, whatever the verb.
func (c Config) Format(state fmt.State, _ rune) {
	fmt.Fprintf(state, "maxpay.Config{BaseURL:%q AppID:%q}", c.BaseURL, c.AppID)
}

// Client calls a gateway as one app. Any number of goroutines may use it.
type Client struct {
	baseURL string
	timeout time.Duration
	retries int
	http    http.Client
	// The headers hold the key. As a function they are in no print of the client.
	headers func() http.Header
}

// New checks the configuration; an error is an *ArgumentError.
func New(config Config) (*Client, error) {
	base, err := baseURL(config.BaseURL)
	if err != nil {
		return nil, err
	}
	header, key, err := config.key()
	if err != nil {
		return nil, err
	}
	client := &Client{baseURL: base, timeout: config.Timeout, retries: max(config.Retries, 0)}
	if config.Timeout <= 0 {
		client.timeout = 10 * time.Second
	}
	if config.Retries == 0 {
		client.retries = 2
	}
	if config.HTTPClient != nil {
		client.http = *config.HTTPClient
	}
	// A redirect would carry the key to another address.
	client.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.headers = func() http.Header {
		return http.Header{
			"X-Ml-Appid": {config.AppID}, header: {key},
			"Content-Type": {"application/json"}, "User-Agent": {"maxpay-go/" + Version},
		}
	}
	return client, nil
}

func (c Config) key() (header, key string, err error) {
	given := 0
	for _, one := range []struct{ field, header, value string }{
		{"MasterKey", "X-Ml-Masterkey", c.MasterKey},
		{"ClientKey", "X-Ml-Apikey", c.ClientKey},
		{"SessionToken", "X-Ml-Session-Token", c.SessionToken},
	} {
		if one.value == "" {
			continue
		}
		given++
		header, key = one.header, one.value
		if !isVisible(key) {
			return "", "", &ArgumentError{one.field, "must be of visible ASCII characters, without blanks and line ends"}
		}
	}
	if given != 1 {
		return "", "", &ArgumentError{"MasterKey, ClientKey or SessionToken", "exactly one is needed"}
	}
	if c.AppID == "" || !isVisible(c.AppID) {
		return "", "", &ArgumentError{"AppID", "must be of visible ASCII characters"}
	}
	return header, key, nil
}

func isVisible(text string) bool {
	return !strings.ContainsFunc(text, func(sign rune) bool { return sign < '!' || sign > '~' })
}

func baseURL(written string) (string, error) {
	parts, err := url.Parse(written)
	// An empty query or fragment counts, too: the path of a call would become its text.
	if err != nil || parts.Scheme != "http" && parts.Scheme != "https" || parts.Hostname() == "" ||
		parts.User != nil || strings.ContainsAny(written, "?# ") {
		return "", &ArgumentError{"BaseURL", "must be http:// or https:// with a host, without user, query and fragment"}
	}
	return strings.TrimRight(written, "/"), nil
}

// answer is what came back, read to its end.
type answer struct {
	status    int
	requestID string
	body      []byte
}

// call makes a call and tries it again where that may help. Every verb may be made again: the same charge is the same bill, the same
// refund number moves money once, and the rest changes nothing.
func (c *Client) call(ctx context.Context, verb string, request any) (json.RawMessage, answer, error) {
	body, err := encode(request)
	if err != nil {
		return nil, answer{}, err
	}
	for try := 0; ; try++ {
		found, err := c.post(ctx, verb, body)
		isPassing := err != nil || found.status == http.StatusTooManyRequests || found.status >= 500
		if isPassing && try < c.retries && pause(ctx, try) {
			continue
		}
		if err != nil {
			return nil, answer{}, &ConnectionError{err}
		}
		return c.read(found)
	}
}

// pause waits before the next try, and says whether there is one: not for a caller who has stopped waiting.
func pause(ctx context.Context, try int) bool {
	longest := min(pauseMin<<min(try, 10), pauseMax)
	timer := time.NewTimer(longest/2 + rand.N(longest/2))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

func (c *Client) post(ctx context.Context, verb string, body []byte) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.baseURL+"/2.0/maxpay/"+verb, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header = c.headers()
	response, err := c.http.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	read, err := io.ReadAll(io.LimitReader(response.Body, answerBytesMax+1))
	if err != nil {
		return answer{}, err
	}
	if len(read) > answerBytesMax {
		return answer{}, fmt.Errorf("the answer is longer than %d bytes", answerBytesMax)
	}
	found := answer{status: response.StatusCode, body: read}
	for _, name := range []string{"Apigw-Requestid", "X-Amzn-Requestid", "X-Request-Id"} {
		if found.requestID == "" {
			found.requestID = response.Header.Get(name)
		}
	}
	return found, nil
}

func (c *Client) read(found answer) (json.RawMessage, answer, error) {
	var code int
	var msg, detail string
	err := decode(found.body, member{"code", &code, true}, member{"msg", &msg, false}, member{"err", &detail, false})
	if err != nil {
		return nil, found, found.unexpected("this is no answer of MaxPay; is the base URL right?")
	}
	if code != 0 {
		return nil, found, &Error{Code: Code(code), Msg: msg, Err: detail, Status: found.status, RequestID: found.requestID}
	}
	return found.body, found, nil
}

func (a answer) unexpected(problem string) error {
	return &UnexpectedAnswer{Problem: problem, Status: a.status, RequestID: a.requestID}
}

// encode writes a request, and refuses texts that are not UTF-8: the encoder would make the same of different ones.
func encode(request any) ([]byte, error) {
	fields := reflect.ValueOf(request)
	for place := range fields.NumField() {
		field := fields.Field(place)
		if field.Kind() == reflect.String && !utf8.ValidString(field.String()) {
			return nil, &ArgumentError{fields.Type().Field(place).Name, "must be UTF-8"}
		}
	}
	var written bytes.Buffer
	encoder := json.NewEncoder(&written)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(request); err != nil {
		return nil, &ArgumentError{"Extras", err.Error()}
	}
	return written.Bytes(), nil
}

// member is one member of an answer, where it goes, and whether it has to be there.
type member struct {
	name string
	into any
	must bool
}

// decode reads members of an object by their names to the letter; encoding/json alone would take `TotalFee` for `totalFee`.
func decode(raw []byte, members ...member) error {
	var object map[string]json.RawMessage
	if !utf8.Valid(raw) || json.Unmarshal(raw, &object) != nil || object == nil {
		return errors.New("it is no JSON object in UTF-8")
	}
	for _, one := range members {
		value, isThere := object[one.name]
		if !isThere || string(value) == "null" {
			if one.must {
				return fmt.Errorf("%s is absent", one.name)
			}
			continue
		}
		if json.Unmarshal(value, one.into) != nil {
			return fmt.Errorf("%s is of another type than expected", one.name)
		}
	}
	return nil
}
