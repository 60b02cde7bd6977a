package queue

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Options say how to reach a server. Nothing of it but the addresses ever
// appears in an error.
type Options struct {
	// URLs are one or more addresses, separated by commas: nats://host:4222,
	// tls://…, ws://…, wss://…. They may not have passwords in them.
	URLs string
	// Name is what the server's own tools call this connection.
	Name string
	// User and Password, Token, Creds (a file that nsc writes) and NKey (a file
	// with a seed) are ways to log in.
	User, Password, Token, Creds, NKey string
	// CA, Cert and Key are PEM files for TLS.
	CA, Cert, Key string
	// Wait is how long to try to connect; 0: once.
	Wait time.Duration
	// Notice hears, in one line, that the server is gone or back; nil: nobody.
	Notice func(string)
}

// FromEnvironment fills in, from the variables that NATS' own tools read, how to
// log in: NATS_USER, NATS_PASSWORD, NATS_TOKEN, NATS_CREDS, NATS_NKEY, NATS_CA,
// NATS_CERT, NATS_KEY.
func (o *Options) FromEnvironment(env func(string) string) {
	for name, field := range map[string]*string{
		"NATS_USER": &o.User, "NATS_PASSWORD": &o.Password, "NATS_TOKEN": &o.Token, "NATS_CREDS": &o.Creds,
		"NATS_NKEY": &o.NKey, "NATS_CA": &o.CA, "NATS_CERT": &o.Cert, "NATS_KEY": &o.Key,
	} {
		*field = env(name)
	}
}

// CheckURLs refuses addresses that are none, and those with secrets in them:
// command lines end up in manifests and lists of processes.
func CheckURLs(urls string) error {
	for i, text := range strings.Split(urls, ",") {
		u, err := url.Parse(strings.TrimSpace(text))
		switch {
		case err != nil || u.Host == "": // the error of Parse may quote a password
			return fmt.Errorf("address %d is no address of a server; want one such as nats://host:4222", i+1)
		case u.User != nil || u.RawQuery != "":
			return fmt.Errorf("address %d has a user or a password in it, which would be seen; set NATS_USER and NATS_PASSWORD, NATS_TOKEN, or NATS_CREDS", i+1)
		}
		switch u.Scheme {
		case "nats", "tls", "ws", "wss":
		default:
			return fmt.Errorf("address %d begins with %q, want nats, tls, ws or wss", i+1, u.Scheme)
		}
	}
	return nil
}

// A Conn is a connection to a server.
type Conn struct {
	nc   *nats.Conn
	js   jetstream.JetStream
	urls string
}

// Connect connects, and finds out whether the server has JetStream. It returns
// [ErrConnect]. The connection is made again whenever it breaks.
func Connect(ctx context.Context, o Options) (*Conn, error) {
	if err := CheckURLs(o.URLs); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConnect, err)
	}
	options, err := o.options()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrConnect, o.URLs, err)
	}
	deadline := time.Now().Add(o.Wait)
	for {
		c, err := connect(ctx, o.URLs, options)
		if err == nil {
			return c, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if time.Now().After(deadline) || errors.Is(err, nats.ErrAuthorization) {
			return nil, fmt.Errorf("%w: %s: %w; is it a NATS server with JetStream (nats-server -js), and is this user allowed to use it?", ErrConnect, o.URLs, err)
		}
		pause(ctx, time.Second)
	}
}

func connect(ctx context.Context, urls string, options []nats.Option) (*Conn, error) {
	nc, err := nats.Connect(urls, options...)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(nc)
	if err == nil {
		within, stop := context.WithTimeout(ctx, answerWait)
		defer stop()
		_, err = js.AccountInfo(within)
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	return &Conn{nc: nc, js: js, urls: urls}, nil
}

func (o *Options) options() ([]nats.Option, error) {
	notice := func(format string, args ...any) {
		if o.Notice != nil {
			o.Notice(fmt.Sprintf(format, args...))
		}
	}
	options := []nats.Option{
		nats.Name(o.Name), nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait), nats.Timeout(answerWait),
		// What is not sent is sent again by us, who know whether it still matters.
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // nil: we closed it
				notice("the queue's server is gone; waiting for it")
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { notice("the queue's server is back") }),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // else they go to stderr
	}
	if o.User != "" {
		options = append(options, nats.UserInfo(o.User, o.Password))
	}
	if o.Token != "" {
		options = append(options, nats.Token(o.Token))
	}
	if o.Creds != "" {
		options = append(options, nats.UserCredentials(o.Creds))
	}
	if o.NKey != "" {
		key, err := nats.NkeyOptionFromSeed(o.NKey)
		if err != nil {
			return nil, errors.New("NATS_NKEY names no file with the seed of a key")
		}
		options = append(options, key)
	}
	if o.CA != "" {
		options = append(options, nats.RootCAs(o.CA))
	}
	if (o.Cert == "") != (o.Key == "") {
		return nil, errors.New("NATS_CERT and NATS_KEY belong together")
	}
	if o.Cert != "" {
		options = append(options, nats.ClientCert(o.Cert, o.Key))
	}
	return options, nil
}

// Close ends the connection. What was sent is sent.
func (c *Conn) Close() { c.nc.Close() }

const (
	// answerWait is how long the server has for an answer.
	answerWait    = 5 * time.Second
	reconnectWait = 250 * time.Millisecond
)

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// persist calls do until it succeeds or fails for good: the server may be gone
// for a while. Each call has the given time.
func persist(ctx context.Context, limit time.Duration, do func(ctx context.Context) error) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		within, stop := context.WithTimeout(ctx, limit)
		err := do(within)
		stop()
		if err == nil || !lost(err) {
			return err
		}
		pause(ctx, wait)
	}
}

// lost reports whether an error is of the connection, not of what was asked.
func lost(err error) bool {
	api := (*jetstream.APIError)(nil)
	if errors.As(err, &api) {
		return api.Code == 503 // starting, or without a leader
	}
	for _, e := range []error{
		nats.ErrTimeout, nats.ErrNoResponders, nats.ErrConnectionClosed, nats.ErrDisconnected, nats.ErrConnectionReconnecting,
		nats.ErrReconnectBufExceeded, nats.ErrNoStreamResponse, jetstream.ErrNoStreamResponse, jetstream.ErrNoHeartbeat, jetstream.ErrServerShutdown,
		context.DeadlineExceeded,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
