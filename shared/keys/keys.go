// Package keys holds the two keys of a deployment: one signs the checkpoints and exports of the log (ECDSA on P-256),
// one encrypts the secrets of webhooks (AES-256-GCM). In AWS they are KMS keys, which never leave KMS; on one machine
// they are in a file next to the database.
package keys

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"rollcall/shared/directory"
)

// Local is both keys in this process. Safe for concurrent use.
type Local struct {
	key *ecdsa.PrivateKey
	box cipher.AEAD
}

// NewLocal creates keys that are lost with the process.
func NewLocal() (*Local, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("create key: %w", err)
	}
	return fromKey(k)
}

// OpenFile reads the keys from a file, and creates a missing one, readable by its owner only.
func OpenFile(path string) (*Local, error) {
	text, err := os.ReadFile(path) //nolint:gosec // G304: whoever starts the process names the file
	if errors.Is(err, fs.ErrNotExist) {
		return create(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the key file holds no PEM block")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	k, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || k.Curve != elliptic.P256() {
		return nil, errors.New("the key file must hold an ECDSA key on P-256")
	}
	return fromKey(k)
}

func create(path string) (*Local, error) {
	l, err := NewLocal()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(l.key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // G304: as above
	if err != nil {
		return nil, fmt.Errorf("create key file: %w", err)
	}
	_, err = f.Write(text)
	return l, errors.Join(err, f.Sync(), f.Close())
}

// fromKey derives the second key from the first, so that one file is enough.
func fromKey(k *ecdsa.PrivateKey) (*Local, error) {
	secret, err := k.Bytes()
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "rollcall webhook secrets", 32)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	box, err := cipher.NewGCMWithRandomNonce(block)
	return &Local{key: k, box: box}, err
}

// Sign implements directory.LogSigner.
func (l *Local) Sign(_ context.Context, digest directory.Digest) (directory.Digest, error) {
	return ecdsa.SignASN1(rand.Reader, l.key, digest)
}

// PublicKey implements directory.LogSigner.
func (l *Local) PublicKey(context.Context) ([]byte, error) {
	return x509.MarshalPKIXPublicKey(&l.key.PublicKey)
}

// Encrypt implements directory.SecretBox.
func (l *Local) Encrypt(_ context.Context, plain []byte, about string) ([]byte, error) {
	return l.box.Seal(nil, nil, plain, []byte(about)), nil //nolint:gosec // G407: the cipher makes a random nonce itself
}

// Decrypt implements directory.SecretBox.
func (l *Local) Decrypt(_ context.Context, encrypted []byte, about string) ([]byte, error) {
	return l.box.Open(nil, nil, encrypted, []byte(about))
}
