package maxpay

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DefaultTolerance is how far the time of a webhook may be from now.
const DefaultTolerance = 5 * time.Minute

// VerifyOptions holds what a webhook is verified by. Secrets is needed. As a Config, it prints its secrets in an unexported field.
type VerifyOptions struct {
	// Secrets of the webhook (whsec_...); one of them has to fit, so that both are given during a rotation.
	Secrets []string `json:"-" xml:"-"`
	// MasterKeys of the app. With them the body's sign is checked, too.
	MasterKeys []string `json:"-" xml:"-"`
	// AppID is compared with the body's, unless it is empty.
	AppID string
	// Tolerance is DefaultTolerance where it is 0.
	Tolerance time.Duration
	// Now is the present moment where it is zero.
	Now time.Time
}

// Format prints no secret, whatever the verb.
func (o VerifyOptions) Format(state fmt.State, _ rune) {
	fmt.Fprintf(state, "maxpay.VerifyOptions{AppID:%q Tolerance:%s}", o.AppID, o.Tolerance)
}

// Event is a webhook that was verified. Type is payment.success or one of the others in docs/webhooks.md.
//
// MessageID is the same at every attempt: keep it to work on each event once.
type Event struct {
	Type, MessageID        string
	AppID, ID, BillNum     string
	Channel                Channel
	Status                 string
	TotalFee               int64 // in fen
	Currency               string
	CreatedTime, EndTime   int64
	Timestamp              int64
	Extras                 json.RawMessage
	RefundNum              string
	RefundFee, RefundedFee int64 // in fen
	Failure, Kind, Problem string
	ServerFee              int64 // in fen
	DuplicateOf            string
	// Raw holds the members that this version does not know, too.
	Raw json.RawMessage
}

// Verify reads a webhook, or answers a *WebhookError. The body has to be as it came, before anything decodes it.
func Verify(body []byte, header http.Header, options VerifyOptions) (*Event, error) {
	keys, err := options.keys()
	if err != nil {
		return nil, err
	}
	var id, seconds, signatures string
	for name, into := range map[string]*string{"webhook-id": &id, "webhook-timestamp": &seconds, "webhook-signature": &signatures} {
		if *into = find(header, name); *into == "" {
			return nil, &WebhookError{MissingHeader, name + " is absent or empty"}
		}
	}
	if err := options.checkAge(seconds); err != nil {
		return nil, err
	}
	if !fits(keys, id+"."+seconds+".", body, strings.Split(signatures, " ")) {
		return nil, &WebhookError{WrongSignature, "no v1 signature fits the secret; is the body as it came?"}
	}
	if err := options.checkBody(body); err != nil {
		return nil, err
	}
	event := &Event{Type: "payment.success", MessageID: id, Raw: slices.Clone(body)}
	if err := event.decode(); err != nil {
		return nil, &WebhookError{BadBody, err.Error()}
	}
	return event, nil
}

func (o VerifyOptions) keys() ([][]byte, error) {
	if len(o.Secrets) == 0 || slices.Contains(o.MasterKeys, "") {
		return nil, &WebhookError{BadSecret, "at least one secret is needed, and no master key may be empty"}
	}
	keys := make([][]byte, len(o.Secrets))
	for place, secret := range o.Secrets {
		written, isOurs := strings.CutPrefix(secret, "whsec_")
		key, err := base64.StdEncoding.DecodeString(written)
		// The decoder passes over line ends.
		if !isOurs || err != nil || len(key) == 0 || strings.ContainsAny(written, "\r\n") {
			return nil, &WebhookError{BadSecret, "a secret is `whsec_` and base64 after it, as the gateway gave it"}
		}
		keys[place] = key
	}
	return keys, nil
}

// find takes names in any case, also where a framework did not bring them into net/http's form.
func find(header http.Header, name string) string {
	for key, values := range header {
		if strings.EqualFold(key, name) && len(values) > 0 {
			return values[0]
		}
	}
	return ""
}

func (o VerifyOptions) checkAge(seconds string) error {
	isDigit := func(sign rune) bool { return sign >= '0' && sign <= '9' }
	sent, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || len(seconds) > 12 || strings.TrimFunc(seconds, isDigit) != "" {
		return &WebhookError{BadTimestamp, "webhook-timestamp is not a number of seconds"}
	}
	now, tolerance := o.Now, o.Tolerance
	if now.IsZero() {
		now = time.Now()
	}
	if tolerance == 0 {
		tolerance = DefaultTolerance
	}
	// In seconds: a time.Duration does not hold every distance.
	age := now.Unix() - sent
	if age > int64(tolerance/time.Second) {
		return &WebhookError{TooOld, fmt.Sprintf("sent %d seconds ago, and %s are allowed", age, tolerance)}
	}
	if -age > int64(tolerance/time.Second) {
		return &WebhookError{TooNew, fmt.Sprintf("sent %d seconds in the future, and %s are allowed; is the clock right?", -age, tolerance)}
	}
	return nil
}

// fits compares every pair, each in constant time.
func fits(keys [][]byte, before string, body []byte, signatures []string) bool {
	found := 0
	for _, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(before))
		mac.Write(body)
		expected := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		for _, signature := range signatures {
			found |= subtle.ConstantTimeCompare([]byte(expected), []byte(signature))
		}
	}
	return found == 1
}

func (o VerifyOptions) checkBody(body []byte) error {
	var members map[string]json.RawMessage
	if err := decode(body); err != nil {
		return &WebhookError{BadBody, err.Error()}
	}
	if err := json.Unmarshal(body, &members); err != nil {
		return &WebhookError{BadBody, err.Error()}
	}
	appID, hasApp := text(members["appid"])
	if o.AppID != "" && appID != o.AppID {
		return &WebhookError{WrongApp, "the webhook is of another app"}
	}
	if len(o.MasterKeys) == 0 {
		return nil
	}
	sign, hasSign := text(members["sign"])
	timestamp, err := strconv.ParseInt(string(members["timestamp"]), 10, 64)
	found := 0
	for _, key := range o.MasterKeys {
		// The contract's own checksum. It is MD5, and covers neither amount nor order: the v1 signature does.
		sum := md5.Sum([]byte(appID + key + strconv.FormatInt(timestamp, 10)))
		found |= subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum[:])), []byte(sign))
	}
	if !hasApp || !hasSign || err != nil || found != 1 {
		return &WebhookError{WrongSign, "the sign in the body fits no master key"}
	}
	return nil
}

// text reads a JSON string; null and what is absent are none.
func text(raw json.RawMessage) (string, bool) {
	var value *string
	if json.Unmarshal(raw, &value) != nil || value == nil {
		return "", false
	}
	return *value, true
}

func (e *Event) decode() error {
	return decode(e.Raw, member{"event", &e.Type, false}, member{"appid", &e.AppID, true}, member{"id", &e.ID, true},
		member{"billNum", &e.BillNum, true}, member{"channel", &e.Channel, true}, member{"status", &e.Status, true},
		member{"totalFee", &e.TotalFee, true}, member{"currency", &e.Currency, true}, member{"createdTime", &e.CreatedTime, true},
		member{"endTime", &e.EndTime, false}, member{"timestamp", &e.Timestamp, true}, member{"extras", &e.Extras, false},
		member{"refundNum", &e.RefundNum, false}, member{"refundFee", &e.RefundFee, false},
		member{"refundedFee", &e.RefundedFee, false}, member{"failure", &e.Failure, false}, member{"kind", &e.Kind, false},
		member{"problem", &e.Problem, false}, member{"serverFee", &e.ServerFee, false}, member{"duplicateOf", &e.DuplicateOf, false})
}
