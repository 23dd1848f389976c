package api

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	selfSignedLife  = 397 * 24 * time.Hour // the longest that browsers take
	selfSignedRenew = 30 * 24 * time.Hour
)

// load is the server's TLS settings with the configured certificate or the self-signed one.
func (c TLSConfig) load(now time.Time) (*tls.Config, error) {
	certFile, keyFile := c.Cert, c.Key
	if certFile == "" {
		certFile, keyFile = filepath.Join(c.Dir, "self-signed.crt"), filepath.Join(c.Dir, "self-signed.key")
		if expires(certFile, now.Add(selfSignedRenew)) {
			if err := c.selfSign(certFile, keyFile, now); err != nil {
				return nil, fmt.Errorf("make a self-signed certificate in %s: %w", c.Dir, err)
			}
		}
	}
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("api.tls: the certificate %s with the key %s cannot be used: %w", certFile, keyFile, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}, nil
}

// expires tells whether the certificate is missing, unreadable or over by then.
func expires(file string, then time.Time) bool {
	b, err := os.ReadFile(file)
	if err != nil {
		return true
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return true
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	return err != nil || cert.NotAfter.Before(then)
}

func (c TLSConfig) selfSign(certFile, keyFile string, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	t := x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "Tingxin"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(selfSignedLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}}
	hosts := c.Hosts
	if name, err := os.Hostname(); err == nil {
		hosts = append([]string{name}, hosts...)
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, &t, &t, &key.PublicKey, key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(certFile), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600); err != nil {
		return err
	}
	return os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
}
