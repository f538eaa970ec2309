package workflow

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"

	"rollcall/shared/directory"
)

// WebhookConfig says what a Webhooks sender may reach in addition to public addresses over https.
type WebhookConfig struct {
	Loopback bool           // this machine, also over http: for `rollcall serve`
	Networks []netip.Prefix // private networks, over https
	Timeout  time.Duration  // of a whole message; 0: 15 s
}

// Webhooks posts messages to addresses that administrators named. It follows no redirect, uses no proxy and connects to
// public addresses only. It checks the address that it dials, so that no name can lead it to a private network.
type Webhooks struct {
	c      WebhookConfig
	client *http.Client
}

const (
	maxURL    = 500
	maxAnswer = 64 << 10 // bytes of an answer that are read, so that the connection can be used again
)

var errAddress = errors.New("deliveries to this address are forbidden")

// NewWebhooks returns a sender. Safe for concurrent use.
func NewWebhooks(c WebhookConfig) *Webhooks {
	if c.Timeout == 0 {
		c.Timeout = 15 * time.Second
	}
	w := &Webhooks{c: c}
	dial := &net.Dialer{Timeout: 5 * time.Second, Control: w.control}
	w.client = &http.Client{
		Timeout:       c.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dial.DialContext, TLSHandshakeTimeout: 5 * time.Second, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
			MaxIdleConns: 20, IdleConnTimeout: 30 * time.Second, ResponseHeaderTimeout: c.Timeout, MaxResponseHeaderBytes: maxAnswer,
			ForceAttemptHTTP2: true,
		},
	}
	return w
}

// Check implements directory.WebhookSender.
func (w *Webhooks) Check(text string) error {
	refuse := func(detail string) error {
		return &directory.Error{Kind: directory.Invalid, Attr: "url", Detail: detail}
	}
	u, err := url.Parse(text)
	if err != nil || len(text) > maxURL || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return refuse("url must be a URL such as https://hooks.example/rollcall, without a user or fragment")
	}
	ip, notIP := netip.ParseAddr(u.Hostname())
	local := u.Hostname() == "localhost" || notIP == nil && ip.IsLoopback()
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !local || !w.c.Loopback):
		return refuse("url must begin with https://")
	case local && !w.c.Loopback, notIP == nil && !w.allowed(ip):
		return refuse("url must lead to a public address")
	}
	return nil
}

// control checks the address of every connection before it is dialled.
func (w *Webhooks) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !w.allowed(at.Addr()) {
		return errAddress
	}
	return nil
}

// reserved are non-public networks that netip has no method for (IANA special-purpose registries).
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"),
	netip.MustParsePrefix("2001::/23"),
	netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("fec0::/10"),
}

func (w *Webhooks) allowed(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	within := func(p netip.Prefix) bool { return p.Contains(ip) }
	switch {
	case ip.IsLoopback():
		return w.c.Loopback
	case slices.ContainsFunc(w.c.Networks, within):
		return true
	}
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !ip.IsLinkLocalUnicast() && !slices.ContainsFunc(reserved, within)
}

// Send implements directory.WebhookSender.
func (w *Webhooks) Send(ctx context.Context, address string, header map[string]string, body []byte) (status int, cause string) {
	if w.Check(address) != nil { // the configuration may have changed
		return 0, directory.CauseAddress
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, directory.CauseAddress
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Rollcall")
	for name, value := range header {
		r.Header.Set(name, value)
	}
	answer, err := w.client.Do(r)
	if err != nil {
		var timeout interface{ Timeout() bool }
		switch {
		case errors.Is(err, errAddress):
			return 0, directory.CauseAddress
		case errors.As(err, &timeout) && timeout.Timeout():
			return 0, directory.CauseTimeout
		}
		return 0, directory.CauseNetwork
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer)) // only the status is used
	return answer.StatusCode, ""
}
