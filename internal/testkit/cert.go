package testkit

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// CA is a certificate authority of one test's own.
type CA struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

// Cert is a certificate with its key, PEM encoded.
type Cert struct{ ca, cert, key []byte }

// NewCA makes a certificate authority.
func NewCA(t testing.TB) *CA {
	t.Helper()
	ca := &CA{t: t}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "test CA"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	var der []byte
	der, ca.key = ca.sign(template, nil)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	ca.cert, ca.pem = cert, pemOf("CERTIFICATE", der)
	return ca
}

// Issue makes a certificate for a server of these host names and addresses, or, with the
// name of a role, for a client. It is valid for as long as lasts.
func (ca *CA) Issue(name string, lasts time.Duration, hosts ...string) *Cert {
	ca.t.Helper()
	var names []string
	var addrs []net.IP
	for _, host := range hosts {
		if addr := net.ParseIP(host); addr != nil {
			addrs = append(addrs, addr)
		} else {
			names = append(names, host)
		}
	}
	der, key := ca.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: names, IPAddresses: addrs,
		NotAfter: time.Now().Add(lasts), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, ca.cert)
	text, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(ca.t, err)
	return &Cert{ca: ca.pem, cert: pemOf("CERTIFICATE", der), key: pemOf("PRIVATE KEY", text)}
}

// sign makes a certificate of a template; without an issuer it signs itself.
func (ca *CA) sign(template, issuer *x509.Certificate) (der []byte, key *ecdsa.PrivateKey) {
	ca.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(ca.t, err)
	template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(ca.t, err)
	template.NotBefore = time.Now().Add(-24 * time.Hour)
	signer := ca.key
	if issuer == nil {
		template.NotAfter = time.Now().Add(time.Hour)
		issuer, signer = template, key
	}
	der, err = x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, signer)
	require.NoError(ca.t, err)
	return der, key
}

// Files writes the CA's certificate, the certificate and its key into a folder
// and returns their paths.
func (c *Cert) Files(t testing.TB) (ca, cert, key string) {
	t.Helper()
	dir := t.TempDir()
	write := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, text, 0o600))
		return path
	}
	return write("root.crt", c.ca), write("client.crt", c.cert), write("client.key", c.key)
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
