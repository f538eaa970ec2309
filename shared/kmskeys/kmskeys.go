// Package kmskeys keeps the keys of a deployment in AWS KMS; package keys has those of one machine. The client of KMS is
// large: a function that needs no key does not link it.
package kmskeys

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"rollcall/shared/app"
	"rollcall/shared/directory"
	"rollcall/shared/workflow"
)

// Keys lets the function sign the log, and send to webhooks and encrypt their secrets.
func Keys(c app.Config, cfg aws.Config, out *directory.External) {
	k := New(Config{Client: kms.NewFromConfig(cfg), SigningKey: c.SigningKey, SecretsKey: c.SecretsKey})
	if c.SigningKey != "" {
		out.Signer = k
	}
	if c.SecretsKey != "" {
		out.Secrets, out.Sender = k, workflow.NewWebhooks(workflow.WebhookConfig{Loopback: app.Emulated(cfg)})
	}
}

// Config names the keys of a deployment.
type Config struct {
	Client     *kms.Client
	SigningKey string // ARN of an ECC_NIST_P256 key for SIGN_VERIFY
	SecretsKey string // ARN of a symmetric key for ENCRYPT_DECRYPT
}

// KMS is both keys in AWS KMS, which they never leave. Safe for concurrent use. It makes no call before one is needed,
// and keeps decrypted secrets in memory: each delivery needs them.
type KMS struct {
	c         Config
	mu        sync.Mutex
	public    []byte
	decrypted map[[sha256.Size]byte][]byte
}

// maxDecrypted bounds the memory; beyond it secrets are decrypted again.
const maxDecrypted = 1000

// New returns the keys.
func New(c Config) *KMS { return &KMS{c: c, decrypted: map[[sha256.Size]byte][]byte{}} }

// Sign implements directory.LogSigner.
func (k *KMS) Sign(ctx context.Context, digest directory.Digest) (directory.Digest, error) {
	out, err := k.c.Client.Sign(ctx, &kms.SignInput{
		KeyId: &k.c.SigningKey, Message: digest, MessageType: types.MessageTypeDigest, SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha256,
	})
	if err != nil {
		return nil, fmt.Errorf("sign with KMS: %w", err)
	}
	return out.Signature, nil
}

// PublicKey implements directory.LogSigner.
func (k *KMS) PublicKey(ctx context.Context) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.public == nil {
		out, err := k.c.Client.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &k.c.SigningKey})
		if err != nil {
			return nil, fmt.Errorf("read public key of KMS: %w", err)
		}
		k.public = out.PublicKey
	}
	return k.public, nil
}

// encryptionContext is the context without which KMS does not decrypt a secret, and which it logs.
func encryptionContext(about string) map[string]string { return map[string]string{"rollcall": about} }

// Encrypt implements directory.SecretBox.
func (k *KMS) Encrypt(ctx context.Context, plain []byte, about string) ([]byte, error) {
	out, err := k.c.Client.Encrypt(ctx,
		&kms.EncryptInput{KeyId: &k.c.SecretsKey, Plaintext: plain, EncryptionContext: encryptionContext(about)})
	if err != nil {
		return nil, fmt.Errorf("encrypt with KMS: %w", err)
	}
	return out.CiphertextBlob, nil
}

// Decrypt implements directory.SecretBox.
func (k *KMS) Decrypt(ctx context.Context, encrypted []byte, about string) ([]byte, error) {
	name := sha256.Sum256(append([]byte(about+"\x00"), encrypted...))
	k.mu.Lock()
	plain := k.decrypted[name]
	k.mu.Unlock()
	if plain != nil {
		return plain, nil
	}
	out, err := k.c.Client.Decrypt(ctx,
		&kms.DecryptInput{KeyId: aws.String(k.c.SecretsKey), CiphertextBlob: encrypted, EncryptionContext: encryptionContext(about)})
	if err != nil {
		return nil, fmt.Errorf("decrypt with KMS: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.decrypted) >= maxDecrypted {
		clear(k.decrypted)
	}
	k.decrypted[name] = out.Plaintext
	return out.Plaintext, nil
}
