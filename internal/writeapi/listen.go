package writeapi

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"syscall"
	"time"

	"github.com/influxdata/telegraf"
	"golang.org/x/net/netutil"
)

// Files are those of TLS. They are read again when they have changed.
type Files struct {
	Cert, Key string
	CAs       []string // of clients; none: clients show no certificates
}

// Address is where to listen: unix:///PATH, https://HOST:PORT, or http://HOST:PORT where HOST
// is this machine.
type Address struct {
	network, at string
	tls         bool
}

// ParseAddress understands an address of the option listen.
func ParseAddress(text string) (a Address, err error) {
	u, err := url.Parse(text)
	if err != nil {
		return a, fmt.Errorf("listen: %w", err)
	}
	switch {
	case u.Scheme == "unix" && u.Host == "" && u.Path != "":
		return Address{"unix", u.Path, false}, nil
	case u.Scheme == "https" && u.Port() != "" && u.Path == "":
		return Address{"tcp", u.Host, true}, nil
	case u.Scheme == "http" && u.Port() != "" && u.Path == "" && isLoopback(u.Hostname()):
		return Address{"tcp", u.Host, false}, nil
	case u.Scheme == "http":
		return a, fmt.Errorf("listen: %q is for others than this machine, who could read and forge what is sent: use https", text)
	}
	return a, fmt.Errorf(`listen: %q is none of "unix:///run/psql-sink/write.sock", "https://[::]:8443" and "http://127.0.0.1:8186"`, text)
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// NeedsTLS says that certificate and key are needed, and clients that are known.
func (a Address) NeedsTLS() bool { return a.tls }

// Listen takes an address. config is for one that needs TLS.
func (a Address) Listen(config *tls.Config, log telegraf.Logger) (net.Listener, error) {
	if a.network == "unix" {
		return a.socket()
	}
	l, err := net.Listen(a.network, a.at)
	if err != nil {
		return nil, err
	}
	l = netutil.LimitListener(newFairListener(l, log), connections)
	if a.tls {
		l = tls.NewListener(l, config)
	}
	return l, nil
}

// socket makes a socket that is a file, for the user and group of this process.
func (a Address) socket() (net.Listener, error) {
	if err := removeStale(a.at); err != nil {
		return nil, err
	}
	old := syscall.Umask(0o117) // before anybody can connect
	l, err := net.Listen("unix", a.at)
	syscall.Umask(old)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: make its folder, or let systemd do that (RuntimeDirectory=)", err)
	}
	if err != nil {
		return nil, err
	}
	return netutil.LimitListener(l, connections), nil
}

// removeStale removes the socket of a process that has ended.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("listening: %s is there and is no socket", path)
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	switch {
	case err == nil:
		_ = conn.Close()
		return fmt.Errorf("listening: another process listens at %s", path)
	case errors.Is(err, syscall.ECONNREFUSED):
		return os.Remove(path)
	}
	return fmt.Errorf("listening: %s may be the socket of another process, which does not answer: %w", path, err)
}

// TLS returns the configuration of a server that has these files.
func (f Files) TLS(log telegraf.Logger) (*tls.Config, error) {
	config, err := watch("TLS files", log, f.load, append([]string{f.Cert, f.Key}, f.CAs...)...)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return config.get(), nil },
	}, nil
}

func (f Files) load() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("tls_cert and tls_key: %w", err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, NextProtos: []string{"h2", "http/1.1"}}
	if len(f.CAs) == 0 {
		return config, nil
	}
	config.ClientAuth, config.ClientCAs = tls.VerifyClientCertIfGiven, x509.NewCertPool()
	for _, path := range f.CAs {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("tls_allowed_cacerts: %w", err)
		}
		if !config.ClientCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("tls_allowed_cacerts: %s holds no certificate", path)
		}
	}
	return config, nil
}

// isPrivate returns an error when others than user and group can read or change a file.
func isPrivate(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o007 != 0 {
		return fmt.Errorf("others can read or change it: chmod o= %s", path)
	}
	return nil
}
