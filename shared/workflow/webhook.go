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
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"rollcall/shared/directory"
)

// WebhookConfig says what a Webhooks sender may reach in addition to public addresses over https.
type WebhookConfig struct {
	Loopback bool           // this machine, also over http: for a service that only this machine reaches
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
	if port, err := strconv.Atoi(u.Port()); u.Port() != "" && (err != nil || port < 1 || port > 65535) {
		return refuse("url must have a port from 1 to 65535, or none")
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	ip, notIP := netip.ParseAddr(host)
	here := host == "localhost" || notIP == nil && ip.Unmap().IsLoopback()
	local := here || strings.HasSuffix(host, ".localhost")
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !here || !w.c.Loopback):
		return refuse("url must begin with https://")
	case local && !w.c.Loopback, notIP == nil && (!w.allowed(ip) || ip.Zone() != ""), notIP != nil && numeric(host):
		return refuse("url must lead to a public address")
	}
	return nil
}

// control checks the address of every connection before it is dialled.
func (w *Webhooks) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || at.Port() == 0 || !w.allowed(at.Addr()) {
		return errAddress
	}
	return nil
}

// numeric reports whether the last part of a name is a number: a way to write an address that some resolvers read.
func numeric(host string) bool {
	parts := strings.FieldsFunc(host, func(r rune) bool { return strings.ContainsRune(".。．｡", r) })
	if len(parts) == 0 {
		return true
	}
	last := parts[len(parts)-1]
	return strings.HasPrefix(last, "0x") || !strings.ContainsFunc(last, func(r rune) bool { return !unicode.IsNumber(r) })
}

// special are the networks of the special-purpose registries of IANA for IPv4 and, within 2000::/3, for IPv6; the latter
// include those whose addresses hold one of IPv4 (Teredo, 6to4).
var special = prefixes(`0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
	192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24
	224.0.0.0/4 240.0.0.0/4 2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20`)

// global are the addresses of IPv6 that are assigned to the Internet. All that embed IPv4 and are outside, such as mapped,
// compatible, translated and NAT64 ones, are therefore refused; netip turns mapped ones into IPv4.
var global = netip.MustParsePrefix("2000::/3")

func prefixes(list string) (out []netip.Prefix) {
	for text := range strings.FieldsSeq(list) {
		out = append(out, netip.MustParsePrefix(text))
	}
	return out
}

// isatap reports whether the last half of an address is that of a tunnel that leads to an address of IPv4 (RFC 5214).
func isatap(ip netip.Addr) bool {
	b := ip.As16()
	return b[8]&^2 == 0 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
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
	return (ip.Is4() || global.Contains(ip) && !isatap(ip)) && !slices.ContainsFunc(special, within)
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
