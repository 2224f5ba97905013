package maxpay

import "fmt"

// Code is the number of a refusal. It is an error itself, so that errors.Is(err, maxpay.ParamInvalid) asks for it.
type Code int

// What the gateway refuses by.
const (
	AppInvalid      Code = 1  // there is no such app, or the key does not fit it
	PayFactorNotSet Code = 2  // the app has no settings for that channel
	ChannelInvalid  Code = 3  // there is no such channel
	MissParam       Code = 4  // a field that is required is absent
	ParamInvalid    Code = 5  // a field is wrong, or does not fit the bill as it is
	CertFileError   Code = 6  // a stored key or certificate cannot be used
	ChannelError    Code = 7  // the provider refused or did not answer; the same charge can be made again
	RunTimeError    Code = 14 // the gateway's own fault; it was tried again already
)

func (c Code) Error() string { return fmt.Sprintf("MaxPay's code %d", int(c)) }

// Error is a refusal by the gateway: Code and Msg are its number and name, Err says which field and what was expected.
type Error struct {
	Code      Code
	Msg       string
	Err       string
	Status    int
	RequestID string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%d %s: %s%s", e.Code, e.Msg, e.Err, request(e.RequestID))
}

// Is compares with a Code.
func (e *Error) Is(target error) bool { return target == error(e.Code) }

// ConnectionError says that no answer came. Whether the gateway did what was asked is not known; the same call can be made again.
type ConnectionError struct{ err error }

func (e *ConnectionError) Error() string { return "no answer came: " + e.err.Error() }

// Unwrap lets errors.Is find context.Canceled and context.DeadlineExceeded.
func (e *ConnectionError) Unwrap() error { return e.err }

// UnexpectedAnswer is an answer that is not the gateway's, such as a page of a proxy, or a status without a code.
type UnexpectedAnswer struct {
	Problem   string
	Status    int
	RequestID string
}

func (e *UnexpectedAnswer) Error() string {
	return fmt.Sprintf("HTTP %d: %s%s", e.Status, e.Problem, request(e.RequestID))
}

// ArgumentError is an argument that cannot be sent; nothing was sent.
type ArgumentError struct{ Field, Problem string }

func (e *ArgumentError) Error() string { return e.Field + ": " + e.Problem }

// WebhookCode says why a webhook must not be believed.
type WebhookCode string

// Why a webhook is refused, in the order in which it is looked for.
const (
	BadSecret      WebhookCode = "bad-secret" // your own settings
	MissingHeader  WebhookCode = "missing-header"
	BadTimestamp   WebhookCode = "bad-timestamp"
	TooOld         WebhookCode = "too-old"
	TooNew         WebhookCode = "too-new"
	WrongSignature WebhookCode = "wrong-signature"
	BadBody        WebhookCode = "bad-body"
	WrongApp       WebhookCode = "wrong-app"
	WrongSign      WebhookCode = "wrong-sign"
)

// WebhookError is a webhook that must not be believed. Answer it with 400.
type WebhookError struct {
	Code    WebhookCode
	Problem string
}

func (e *WebhookError) Error() string { return string(e.Code) + ": " + e.Problem }

// ResultCode says why the result of a checkout must not be believed.
type ResultCode string

// Why a result is refused, in the order in which it is looked for.
const (
	BadKey               ResultCode = "bad-key" // your own settings
	RepeatedParameter    ResultCode = "repeated-parameter"
	MissingParameter     ResultCode = "missing-parameter"
	WrongResultSignature ResultCode = "wrong-signature"
	BadResult            ResultCode = "bad-result"
	WrongResultApp       ResultCode = "wrong-app"
	ResultTooOld         ResultCode = "too-old"
	ResultTooNew         ResultCode = "too-new"
)

// ResultError is the result of a checkout that must not be believed. Ask for the bill in its place.
type ResultError struct {
	Code    ResultCode
	Problem string
}

func (e *ResultError) Error() string { return string(e.Code) + ": " + e.Problem }

func request(id string) string {
	if id == "" {
		return ""
	}
	return " (request " + id + ")"
}
