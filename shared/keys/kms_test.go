package keys_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"rollcall/shared/directory"
	"rollcall/shared/keys"
	"rollcall/shared/kmskeys"
)

// kmsStandIn answers as KMS does, with keys in the process.
func kmsStandIn(t *testing.T) (*kms.Client, map[string]int) {
	t.Helper()
	k, err := keys.NewLocal()
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]int{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			KeyId, MessageType, SigningAlgorithm string
			Message, Plaintext, CiphertextBlob   []byte
			EncryptionContext                    map[string]string
		}
		err := json.NewDecoder(r.Body).Decode(&in)
		out := map[string]any{"KeyId": in.KeyId}
		target := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "TrentService.")
		calls[target]++
		ok := in.KeyId == "secrets"
		switch target {
		case "Sign":
			ok = in.KeyId == "signing" && in.MessageType == "DIGEST" && in.SigningAlgorithm == "ECDSA_SHA_256"
			var signature directory.Digest
			signature, err = k.Sign(r.Context(), in.Message)
			out["Signature"] = []byte(signature) // a Digest would be written in hexadecimal
		case "GetPublicKey":
			ok = in.KeyId == "signing"
			out["PublicKey"], err = k.PublicKey(r.Context())
		case "Encrypt":
			out["CiphertextBlob"], err = k.Encrypt(r.Context(), in.Plaintext, in.EncryptionContext["rollcall"])
		case "Decrypt":
			out["Plaintext"], err = k.Decrypt(r.Context(), in.CiphertextBlob, in.EncryptionContext["rollcall"])
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if err != nil || !ok {
			w.WriteHeader(http.StatusBadRequest)
			out = map[string]any{"__type": "InvalidCiphertextException"}
		}
		_ = json.NewEncoder(w).Encode(out)
	}))
	t.Cleanup(s.Close)
	return kms.New(kms.Options{Region: "eu-west-1", BaseEndpoint: &s.URL,
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}), calls
}

func TestKeysInKMS(t *testing.T) {
	t.Parallel()
	client, calls := kmsStandIn(t)
	c := kmskeys.Config{Client: client, SigningKey: "signing", SecretsKey: "secrets"}
	k := kmskeys.New(c)
	hold(t, k, kmskeys.New(c))
	encrypted, err := k.Encrypt(t.Context(), []byte("secret"), "t/w1")
	if err != nil {
		t.Fatal(err)
	}
	before := calls["Decrypt"]
	for range 5 {
		if plain, err := k.Decrypt(t.Context(), encrypted, "t/w1"); err != nil || string(plain) != "secret" {
			t.Errorf("%s %v", plain, err)
		}
	}
	if n := calls["Decrypt"] - before; n != 1 {
		t.Errorf("%d calls to decrypt a secret five times, want 1", n)
	}
}
