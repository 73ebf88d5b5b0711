package testkit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"
)

// Files returns the certificate of the cluster's authority, and that of its first member with
// its key, as the operator has them.
func (c *Cluster) Files() (ca, cert, key string) {
	folder := filepath.Join(c.folder, "vpn")
	return filepath.Join(folder, "ca.crt"), filepath.Join(folder, "db1/member.crt"), filepath.Join(folder, "db1/member.key")
}

// Certificate returns the certificate of a member.
func (c *Cluster) Certificate() *tls.Certificate {
	c.t.Helper()
	_, cert, key := c.Files()
	certificate, err := tls.LoadX509KeyPair(cert, key)
	require.NoError(c.t, err)
	return &certificate
}

// Client returns a client that knows the members, with a certificate of its own or none. It
// shows that to everyone, also where another authority is asked for.
func (c *Cluster) Client(certificate *tls.Certificate) *http.Client {
	c.t.Helper()
	ca, _, _ := c.Files()
	text, err := os.ReadFile(ca)
	require.NoError(c.t, err)
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	require.True(c.t, config.RootCAs.AppendCertsFromPEM(text))
	if certificate != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil }
	}
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: config}}
}

// Login logs in over the network, and asks for something. It comes from an address, if that is
// not empty.
func (m *Member) Login(parameters, from string) error {
	m.t.Helper()
	connector, err := pq.NewConnector("host=" + m.addr + " " + parameters)
	require.NoError(m.t, err)
	connector.Dialer(&source{net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}})
	db := sql.OpenDB(connector)
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithTimeout(m.t.Context(), 30*time.Second)
	defer cancel()
	question := "SELECT true"
	if strings.Contains(parameters, "replication=true") {
		question = "IDENTIFY_SYSTEM"
	}
	_, err = db.ExecContext(ctx, question)
	return err
}

// source dials from an address, or from any if that is nil.
type source struct{ net.Dialer }

func (s *source) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	dialer := s.Dialer
	dialer.Timeout = timeout
	return dialer.Dial(network, address)
}
