package maxpay

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
)

// Channel is a way to pay.
type Channel string

// All channels, and the families that a query takes.
const (
	AliApp        Channel = "ali_app"
	AliWeb        Channel = "ali_web"
	AliWap        Channel = "ali_wap"
	AliQrcode     Channel = "ali_qrcode"
	WxApp         Channel = "wx_app"
	WxJsapi       Channel = "wx_jsapi"
	WxNative      Channel = "wx_native"
	WxH5          Channel = "wx_h5"
	WxLite        Channel = "wx_lite"
	UnipayApp     Channel = "unipay_app"
	UnipayWeb     Channel = "unipay_web"
	ApplepayUpacp Channel = "applepay_upacp"

	FamilyAli    Channel = "ali"
	FamilyWx     Channel = "wx"
	FamilyUnipay Channel = "unipay"
)

// ChargeRequest is a bill to be paid. AliWeb, AliQrcode and UnipayWeb need ReturnURL, WxJsapi and WxLite need OpenID, WxH5 needs ClientIP.
type ChargeRequest struct {
	Channel  Channel `json:"channel"`
	BillNum  string  `json:"billNum"`
	TotalFee int64   `json:"totalFee"` // in fen
	Subject  string  `json:"subject"`
	// Extras is anything that is written as a JSON object; it comes back in records and webhooks.
	Extras      any    `json:"extras,omitempty"`
	ReturnURL   string `json:"returnUrl,omitempty"`
	ShowURL     string `json:"showUrl,omitempty"`
	BillTimeout int    `json:"billTimeout,omitempty"` // in seconds
	QRPayMode   string `json:"qrPayMode,omitempty"`
	OpenID      string `json:"openid,omitempty"`
	ClientIP    string `json:"clientIp,omitempty"`
}

// Charged is a bill that waits to be paid. Params is all that the payer's app or page is handed; the named members are parts of it.
type Charged struct {
	ID                                                  string
	AliApp, AliWeb, AliWap, CodeURL, WxH5, TN, PageHTML string
	Params                                              map[string]json.RawMessage
}

// Charge charges a bill on one channel. The same charge made again is the same bill, with fresh parameters to pay by.
func (c *Client) Charge(ctx context.Context, request ChargeRequest) (*Charged, error) {
	return into(ctx, c, "bill", request, func(charged *Charged, raw json.RawMessage) error { return charged.decode(request, raw) })
}

func (c *Charged) decode(request ChargeRequest, raw json.RawMessage) error {
	if err := json.Unmarshal(raw, &c.Params); err != nil {
		return err
	}
	delete(c.Params, "code")
	delete(c.Params, "msg")
	for name, value := range map[string]string{"channel": string(request.Channel), "billNum": request.BillNum} {
		written, err := json.Marshal(value)
		if err != nil {
			return err
		}
		c.Params[name] = written
	}
	return decode(raw, member{"id", &c.ID, true}, member{"ali_app", &c.AliApp, false}, member{"ali_web", &c.AliWeb, false},
		member{"ali_wap", &c.AliWap, false}, member{"codeUrl", &c.CodeURL, false}, member{"wx_h5", &c.WxH5, false},
		member{"tn", &c.TN, false}, member{"html", &c.PageHTML, false})
}

// CheckoutRequest is a bill to be paid by a page. Channels, where given, are all that the page may offer.
type CheckoutRequest struct {
	BillNum   string `json:"billNum"`
	TotalFee  int64  `json:"totalFee"` // in fen
	Subject   string `json:"subject"`
	ReturnURL string `json:"returnUrl"`
	CancelURL string `json:"cancelUrl,omitempty"`
	// Extras is anything that is written as a JSON object; it comes back in records and webhooks.
	Extras    any       `json:"extras,omitempty"`
	Channels  []Channel `json:"channels,omitempty"`
	ExpiresIn int       `json:"expiresIn,omitempty"` // in seconds
	Locale    string    `json:"locale,omitempty"`    // zh-CN or en
}

// Checkout is a page by which a bill is paid with any wallet. QR is an SVG picture of its address.
type Checkout struct {
	URL, QR   string
	ExpiresAt int64
	Raw       json.RawMessage
}

func (c *Checkout) decode(raw json.RawMessage) error {
	c.Raw = raw
	return decode(raw, member{"url", &c.URL, true}, member{"qr", &c.QR, true}, member{"expiresAt", &c.ExpiresAt, true})
}

// Checkout makes a checkout. The same bill has the same checkout until its end.
func (c *Client) Checkout(ctx context.Context, request CheckoutRequest) (*Checkout, error) {
	return into(ctx, c, "checkout", request, (*Checkout).decode)
}

// Record is a transaction. Status is created, success, refund (all of it went back) or closed.
type Record struct {
	ID, BillNum           string
	Channel               Channel
	Status                string
	TotalFee, RefundedFee int64 // in fen
	Currency, Money       string
	CreatedTime, EndTime  int64 // EndTime is 0 until it is paid or closed
	Extras                json.RawMessage
	// Raw holds the members that this version does not know, too.
	Raw json.RawMessage
}

func (r *Record) decode(raw json.RawMessage) error {
	r.Raw = raw
	return decode(raw, member{"id", &r.ID, true}, member{"billNum", &r.BillNum, true}, member{"channel", &r.Channel, true},
		member{"status", &r.Status, true}, member{"totalFee", &r.TotalFee, true}, member{"refundedFee", &r.RefundedFee, false},
		member{"currency", &r.Currency, true}, member{"money", &r.Money, true}, member{"createdTime", &r.CreatedTime, true},
		member{"endTime", &r.EndTime, false}, member{"extras", &r.Extras, false})
}

// RecordsQuery says which records. With the client key BillNum is needed.
type RecordsQuery struct {
	Channel   Channel `json:"channel,omitempty"` // or a family
	BillNum   string  `json:"billNum,omitempty"`
	Status    string  `json:"status,omitempty"`
	StartTime int64   `json:"startTime,omitempty"` // on CreatedTime, inclusive
	EndTime   int64   `json:"endTime,omitempty"`   // on CreatedTime, inclusive
	Skip      int     `json:"skip,omitempty"`
	Limit     int     `json:"limit,omitempty"` // 20 unless given, at most 100
	Order     string  `json:"order,omitempty"` // createdTime or -createdTime, the default
}

// Records asks for one page of records.
func (c *Client) Records(ctx context.Context, query RecordsQuery) ([]Record, error) {
	return results(ctx, c, "records", query, (*Record).decode)
}

// AllRecords goes over all pages, each of Limit (100 unless given). It ends after the first error.
//
// It goes on from the time of the last record, not by an ever longer Skip: that would end at 10,000 records, and show one twice whenever a
// bill is made in between.
func (c *Client) AllRecords(ctx context.Context, query RecordsQuery) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		query := query
		if query.Limit == 0 {
			query.Limit = 100
		}
		for {
			page, err := c.Records(ctx, query)
			if err != nil {
				yield(Record{}, err)
				return
			}
			for _, record := range page {
				if !yield(record, nil) {
					return
				}
			}
			if len(page) < query.Limit {
				return
			}
			query.goOnAfter(page)
		}
	}
}

func (q *RecordsQuery) goOnAfter(page []Record) {
	bound := &q.EndTime
	if strings.HasPrefix(q.Order, "created") {
		bound = &q.StartTime
	}
	last := page[len(page)-1].CreatedTime
	if *bound != last {
		q.Skip = 0
	}
	for _, record := range page {
		if record.CreatedTime == last {
			q.Skip++
		}
	}
	*bound = last
}

// RefundRequest sends money back. Channel and ID are needed only where a bill was paid several times.
type RefundRequest struct {
	BillNum   string  `json:"billNum"`
	RefundNum string  `json:"refundNum"`
	RefundFee int64   `json:"refundFee"` // in fen
	Reason    string  `json:"reason,omitempty"`
	Channel   Channel `json:"channel,omitempty"`
	ID        string  `json:"id,omitempty"`
}

// Refund is money on its way back. Status is pending, stuck (a person must act), success or failed.
type Refund struct {
	RefundNum, BillNum, ID string
	Channel                Channel
	RefundFee              int64 // in fen
	Status                 string
	CreatedTime, EndTime   int64 // EndTime is 0 until it is decided
	Reason, Failure        string
	Raw                    json.RawMessage
}

func (r *Refund) decode(raw json.RawMessage) error {
	r.Raw = raw
	return decode(raw, member{"refundNum", &r.RefundNum, true}, member{"billNum", &r.BillNum, true}, member{"id", &r.ID, true},
		member{"channel", &r.Channel, true}, member{"refundFee", &r.RefundFee, true}, member{"status", &r.Status, true},
		member{"createdTime", &r.CreatedTime, true}, member{"endTime", &r.EndTime, false}, member{"reason", &r.Reason, false},
		member{"failure", &r.Failure, false})
}

// Refund sends money back; the same RefundNum moves it once. Look at Status: it may be pending.
func (c *Client) Refund(ctx context.Context, request RefundRequest) (*Refund, error) {
	return into(ctx, c, "refund", request, (*Refund).decode)
}

// RefundsQuery asks for the refunds of a bill, or for one by its number.
type RefundsQuery struct {
	BillNum   string `json:"billNum,omitempty"`
	RefundNum string `json:"refundNum,omitempty"`
}

// Refunds answers the refunds, oldest first.
func (c *Client) Refunds(ctx context.Context, query RefundsQuery) ([]Refund, error) {
	return results(ctx, c, "refunds", query, (*Refund).decode)
}

// AllRefunds goes over the same one by one. The gateway answers all of a bill's refunds at once, so that this is one call today.
func (c *Client) AllRefunds(ctx context.Context, query RefundsQuery) iter.Seq2[Refund, error] {
	return func(yield func(Refund, error) bool) {
		refunds, err := c.Refunds(ctx, query)
		if err != nil {
			yield(Refund{}, err)
			return
		}
		for _, refund := range refunds {
			if !yield(refund, nil) {
				return
			}
		}
	}
}

// CloseRequest names an unpaid bill.
type CloseRequest struct {
	BillNum string  `json:"billNum"`
	Channel Channel `json:"channel"`
}

// Close closes an unpaid bill, at the provider and here.
func (c *Client) Close(ctx context.Context, request CloseRequest) (*Record, error) {
	return into(ctx, c, "close", request, (*Record).decode)
}

// SyncRequest names a bill; without a channel all of its tries are meant.
type SyncRequest struct {
	BillNum string  `json:"billNum"`
	Channel Channel `json:"channel,omitempty"`
}

// Sync asks the provider about a bill now.
func (c *Client) Sync(ctx context.Context, request SyncRequest) ([]Record, error) {
	return results(ctx, c, "sync", request, (*Record).decode)
}

// SessionRequest says for how long, and for whom in your own words.
type SessionRequest struct {
	TTLSeconds int64  `json:"ttlSeconds"`
	UserID     string `json:"userId,omitempty"`
}

// Session is a token for one of your clients, which may charge, and query by bill. As a Config, it prints its token in an unexported field.
type Session struct {
	Token     string
	ExpiresAt int64
}

// Format prints no token, whatever the verb.
func (s Session) Format(state fmt.State, _ rune) {
	fmt.Fprintf(state, "maxpay.Session{ExpiresAt:%d}", s.ExpiresAt)
}

// Session makes a session token.
func (c *Client) Session(ctx context.Context, request SessionRequest) (*Session, error) {
	return into(ctx, c, "sessions", request, func(session *Session, raw json.RawMessage) error {
		return decode(raw, member{"token", &session.Token, true}, member{"expiresAt", &session.ExpiresAt, true})
	})
}

func into[T any](ctx context.Context, c *Client, verb string, request any, read func(*T, json.RawMessage) error) (*T, error) {
	raw, found, err := c.call(ctx, verb, request)
	if err != nil {
		return nil, err
	}
	result := new(T)
	if err := read(result, raw); err != nil {
		return nil, found.unexpected("an answer to " + verb + " in which " + err.Error())
	}
	return result, nil
}

func results[T any](ctx context.Context, c *Client, verb string, request any, read func(*T, json.RawMessage) error) ([]T, error) {
	found, err := into(ctx, c, verb, request, func(found *[]T, raw json.RawMessage) error {
		var each []json.RawMessage
		if err := decode(raw, member{"results", &each, true}); err != nil {
			return err
		}
		*found = make([]T, len(each))
		for place, one := range each {
			if err := read(&(*found)[place], one); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return *found, nil
}
