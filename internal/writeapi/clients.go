package writeapi

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/influxdata/telegraf"
)

// Clients are those who may write, and for which hosts. It may be used by several
// goroutines.
type Clients struct {
	list *watched[*clientList]
}

// client is one of them, or somebody who has not said who it is.
type client struct {
	Name        string   `toml:"name"`
	Certificate string   `toml:"certificate"`
	Token       string   `toml:"token_sha256"`
	Hosts       []string `toml:"hosts"`

	address string // of somebody unknown
}

type clientList struct {
	byCertificate, byToken map[string]*client
}

var errUnknown = errors.New("no client of clients_file has this token or certificate")

// ReadClients reads a file with a [[client]] table for each client, and reads it again
// whenever it has changed. A client has a certificate, a token or both: certificate is a DNS
// name or the common name in it, token_sha256 is the SHA-256 of the token in hexadecimal.
// hosts are patterns (path.Match) of what it may call its gateways. Without a file, it
// returns nil.
func ReadClients(file string, log telegraf.Logger) (*Clients, error) {
	if file == "" {
		return nil, nil
	}
	list, err := watch("clients_file "+file, log, func() (*clientList, error) { return readClients(file) }, file)
	if err != nil {
		return nil, fmt.Errorf("clients_file %s: %w", file, err)
	}
	return &Clients{list}, nil
}

func readClients(file string) (*clientList, error) {
	if err := isPrivate(file); err != nil {
		return nil, err
	}
	var content struct {
		Client []*client `toml:"client"`
	}
	md, err := toml.DecodeFile(file, &content)
	if err != nil {
		return nil, err
	}
	if unknown := md.Undecoded(); len(unknown) > 0 {
		return nil, fmt.Errorf("unknown key %s", unknown[0])
	}
	list := &clientList{make(map[string]*client), make(map[string]*client)}
	names := make(map[string]bool)
	for i, c := range content.Client {
		if names[c.Name] {
			return nil, fmt.Errorf("two clients are called %q", c.Name)
		}
		names[c.Name] = true
		if err := list.add(c); err != nil {
			return nil, fmt.Errorf("client %d (%q): %w", i+1, c.Name, err)
		}
	}
	return list, nil
}

func (l *clientList) add(c *client) error {
	switch digest, err := hex.DecodeString(c.Token); {
	case c.Name == "":
		return errors.New("has no name")
	case c.Certificate == "" && c.Token == "":
		return errors.New("has neither certificate nor token_sha256")
	case c.Token != "" && (err != nil || len(digest) != sha256.Size):
		return errors.New("token_sha256 is no SHA-256 in hexadecimal: printf %s TOKEN | sha256sum")
	case len(c.Hosts) == 0:
		return errors.New("has no hosts")
	}
	for _, pattern := range c.Hosts {
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("hosts: %q: %w", pattern, err)
		}
	}
	c.Token = strings.ToLower(c.Token)
	for key, of := range map[string]map[string]*client{c.Certificate: l.byCertificate, c.Token: l.byToken} {
		if other := of[key]; key != "" && other != nil {
			return fmt.Errorf("has the certificate or token of %q", other.Name)
		}
		of[key] = c
	}
	delete(l.byCertificate, "")
	delete(l.byToken, "")
	return nil
}

// of returns who sends a request. Over a socket that is a file, its mode has decided. An
// error is for somebody unknown, who is returned all the same.
func (c *Clients) of(r *http.Request) (*client, error) {
	if at, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr); at != nil && at.Network() == "unix" {
		return &client{address: "the local socket"}, nil
	}
	address, _, _ := net.SplitHostPort(r.RemoteAddr)
	unknown := &client{address: address}
	if c == nil {
		return unknown, nil
	}
	list := c.list.get()
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		leaf := r.TLS.VerifiedChains[0][0]
		for _, name := range append(leaf.DNSNames, leaf.Subject.CommonName) {
			if known := list.byCertificate[name]; known != nil {
				return known, nil
			}
		}
	}
	digest := sha256.Sum256([]byte(token(r)))
	if known := list.byToken[hex.EncodeToString(digest[:])]; known != nil {
		return known, nil
	}
	return unknown, &answer{http.StatusUnauthorized, errUnknown}
}

// token returns the token of a request, as clients of both versions send it.
func token(r *http.Request) string {
	if _, password, found := r.BasicAuth(); found {
		return password
	}
	if scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " "); found && (scheme == "Token" || scheme == "Bearer") {
		return token
	}
	return r.URL.Query().Get("p")
}

// mayWrite returns why the client may not write for a host.
func (c *client) mayWrite(host string) error {
	if c.Name == "" {
		return nil // whoever may connect
	}
	for _, pattern := range c.Hosts {
		if matches, _ := path.Match(pattern, host); matches {
			return nil
		}
	}
	return fmt.Errorf("client %q may not write for this host (hosts in clients_file)", c.Name)
}

func (c *client) key() string { return c.Name + "\x00" + c.address }

func (c *client) String() string {
	if c.Name == "" {
		return "client at " + c.address
	}
	return fmt.Sprintf("client %q", c.Name)
}
