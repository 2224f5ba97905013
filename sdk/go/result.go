package maxpay

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ResultOptions holds what the result of a checkout is verified by. MasterKeys is needed. As a Config, it prints its keys in an unexported
// field.
type ResultOptions struct {
	// MasterKeys of the app and the mode; one of them has to fit, so that both are given during a rotation.
	MasterKeys []string `json:"-" xml:"-"`
	// AppID is compared with the result's, unless it is empty.
	AppID string
	// Tolerance is DefaultTolerance where it is 0.
	Tolerance time.Duration
	// Now is the present moment where it is zero.
	Now time.Time
}

// Format prints no key, whatever the verb.
func (o ResultOptions) Format(state fmt.State, _ rune) {
	fmt.Fprintf(state, "maxpay.ResultOptions{AppID:%q Tolerance:%s}", o.AppID, o.Tolerance)
}

// Result is how a payer came back from a checkout. Status is success, cancel, or unknown: the bill may still be paid.
//
// ID, Channel and TotalFee are there where it is paid. Time is when the result was made.
type Result struct {
	AppID, Mode, BillNum, Status string
	Time                         int64
	ID                           string
	Channel                      Channel
	TotalFee                     int64 // in fen
}

// VerifyResult reads the result of a checkout, or answers a *ResultError. Address is the address that the payer came back to, or its query:
// request.URL.String() will do. The result is for the page that the payer sees; deliver by the webhook or a query.
func VerifyResult(address string, options ResultOptions) (*Result, error) {
	if len(options.MasterKeys) == 0 || slices.Contains(options.MasterKeys, "") {
		return nil, &ResultError{BadKey, "at least one master key is needed, and none may be empty"}
	}
	parameters, err := resultParameters(address)
	if err != nil {
		return nil, err
	}
	sign := parameters["maxpay_sign"]
	delete(parameters, "maxpay_sign")
	if !options.fits(parameters, sign) {
		return nil, &ResultError{WrongResultSignature, "maxpay_sign fits no master key; is the key of the same mode, and the address as it came?"}
	}
	result, err := resultOf(parameters)
	if err != nil {
		return nil, err
	}
	if options.AppID != "" && result.AppID != options.AppID {
		return nil, &ResultError{WrongResultApp, "the result is of another app"}
	}
	if err := options.checkAge(result); err != nil {
		return nil, err
	}
	return result, nil
}

func resultParameters(address string) (map[string]string, error) {
	query, _, _ := strings.Cut(address, "#")
	if isAddress.MatchString(query) {
		_, query, _ = strings.Cut(query, "?")
	}
	found := map[string]string{}
	// url.ParseQuery would drop what it cannot read.
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, value = unescaped(name), unescaped(value)
		if !strings.HasPrefix(name, "maxpay_") {
			continue
		}
		if _, isThere := found[name]; isThere {
			return nil, &ResultError{RepeatedParameter, name + " is there twice"}
		}
		found[name] = value
	}
	for _, name := range []string{"maxpay_app", "maxpay_bill", "maxpay_mode", "maxpay_status", "maxpay_time", "maxpay_sign"} {
		if found[name] == "" {
			return nil, &ResultError{MissingParameter, name + " is absent or empty"}
		}
	}
	return found, nil
}

func unescaped(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

// fits tries every key, each in constant time. A line end in a value could make two parameters of one.
func (o ResultOptions) fits(parameters map[string]string, sign string) bool {
	content := "maxpay-checkout-result"
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		content += "\n" + name + "=" + parameters[name]
		if strings.Contains(parameters[name], "\n") {
			return false
		}
	}
	found := 0
	for _, key := range o.MasterKeys {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(content))
		found |= subtle.ConstantTimeCompare([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(sign))
	}
	return found == 1
}

var (
	isAddress = regexp.MustCompile(`(?i)^(https?://|[/?])`)
	isTime    = regexp.MustCompile(`^[0-9]{1,15}$`)
	isFee     = regexp.MustCompile(`^[1-9][0-9]{0,10}$`)
)

func resultOf(parameters map[string]string) (*Result, error) {
	result := Result{
		AppID: parameters["maxpay_app"], Mode: parameters["maxpay_mode"], BillNum: parameters["maxpay_bill"], Status: parameters["maxpay_status"],
	}
	wrong := ""
	number := func(name string, form *regexp.Regexp) int64 {
		read, err := strconv.ParseInt(parameters[name], 10, 64)
		if err != nil || !form.MatchString(parameters[name]) {
			wrong = name
		}
		return read
	}
	result.Time = number("maxpay_time", isTime)
	switch result.Status {
	case "success":
		result.ID, result.Channel = parameters["maxpay_id"], Channel(parameters["maxpay_channel"])
		result.TotalFee = number("maxpay_fee", isFee)
		if result.ID == "" || result.Channel == "" {
			wrong = "maxpay_id or maxpay_channel"
		}
	case "cancel", "unknown":
	default:
		wrong = "maxpay_status"
	}
	if result.Mode != "live" && result.Mode != "test" {
		wrong = "maxpay_mode"
	}
	if wrong != "" {
		return nil, &ResultError{BadResult, wrong + " is absent or not of its form"}
	}
	return &result, nil
}

func (o ResultOptions) checkAge(result *Result) error {
	now, tolerance := o.Now, o.Tolerance
	if now.IsZero() {
		now = time.Now()
	}
	if tolerance == 0 {
		tolerance = DefaultTolerance
	}
	// In milliseconds: a time.Duration does not hold every distance.
	age := now.UnixMilli() - result.Time
	if age > tolerance.Milliseconds() {
		return &ResultError{ResultTooOld, fmt.Sprintf("made more than %s ago; ask for the bill in its place", tolerance)}
	}
	if -age > tolerance.Milliseconds() {
		return &ResultError{ResultTooNew, fmt.Sprintf("made more than %s in the future; is the clock right?", tolerance)}
	}
	return nil
}
