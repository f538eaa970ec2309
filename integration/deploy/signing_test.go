//go:build deploy

package deploy_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kms"

	"rollcall/shared/directory"
)

// signed seals the log, exports it, and verifies the export with the public half of the key in KMS. A changed export is
// refused.
func (d *deployment) signed(t *testing.T) {
	if _, err := d.cloud.Invoke(t.Context(), "Rollcall-jobs", object{"Do": "seal"}); err != nil { // as its schedule does
		t.Fatal(err)
	}
	arn := d.outputs["RollcallData"]["SigningKeyArn"]
	public, err := kms.NewFromConfig(d.cloud.Config()).GetPublicKey(t.Context(), &kms.GetPublicKeyInput{KeyId: &arn})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	key, export := filepath.Join(dir, "key.pem"), filepath.Join(dir, "log.jsonl")
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public.PublicKey})
	if err := os.WriteFile(key, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if served := d.rollcall(t, "log", "key"); served != string(text) {
		t.Errorf("the key of the service is\n%s, of KMS\n%s", served, text)
	}
	d.rollcall(t, "log", "export", "--provider", string(d.provisioned), "--out", export)
	printed := d.rollcall(t, "verify", "--key", key, export)
	t.Log(strings.TrimPrefix(printed, export+": "))
	numbers := regexp.MustCompile(`intact: (\d{3,}) entries in [1-9]\d* blocks? of \d+ chains?, [1-9]\d* checkpoints?`)
	if !numbers.MatchString(printed) {
		t.Errorf("verified: %s", printed)
	}
	written, err := os.ReadFile(export)
	if err != nil {
		t.Fatal(err)
	}
	forged := bytes.Replace(written, []byte(`"user.created"`), []byte(`"user.updated"`), 1)
	if bytes.Equal(forged, written) {
		t.Fatal("the export has no entry to forge")
	}
	if err := os.WriteFile(export, forged, 0o600); err != nil {
		t.Fatal(err)
	}
	if printed, err := d.try(t, "verify", "--key", key, export); err == nil {
		t.Errorf("a forged export passes: %s", printed)
	}
}

// webhook creates a webhook, whose secret the table has only encrypted by KMS, and receives deliveries signed with it.
func (d *deployment) webhook(t *testing.T) {
	type message struct {
		header http.Header
		body   []byte
	}
	got := make(chan message, 1000)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- message{r.Header, body}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(receiver.Close)
	created := d.object(t, "webhook", "create", "Receiver", "--to", receiver.URL)
	secret, _ := created["secret"].(string)
	id, _ := created["id"].(string)
	clear, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(clear) < 24 {
		t.Fatalf("the secret has %d bytes, %v", len(clear), err)
	}
	d.encrypted(t, id, secret)
	d.rollcall(t, "webhook", "test", id)
	deadline := time.Now().Add(2 * time.Minute)
	for test := false; !test; { // deliveries of entries followed since then arrive, too
		select {
		case m := <-got:
			mac := hmac.New(sha256.New, clear)
			fmt.Fprintf(mac, "%s.%s.%s", m.header.Get("Webhook-Id"), m.header.Get("Webhook-Timestamp"), m.body)
			if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); m.header.Get("Webhook-Signature") != want {
				t.Errorf("signed %s, want %s", m.header.Get("Webhook-Signature"), want)
			}
			var e directory.Event
			if err := json.Unmarshal(m.body, &e); err != nil {
				t.Errorf("%s: %v", m.body, err)
			}
			test = e.Type == directory.EventTest
		case <-time.After(time.Second): // as its schedule does every minute
			if _, err := d.cloud.Invoke(t.Context(), "Rollcall-deliver", object{"Do": "deliver"}); err != nil || time.Now().After(deadline) {
				t.Fatalf("no delivery arrived: %v", err)
			}
		}
	}
	eventually(t, "delivered", 30*time.Second, func() bool {
		return slices.ContainsFunc(d.listed(t, "delivery", "list", "--webhook", id), func(x object) bool {
			return x["type"] == string(directory.EventTest) && x["state"] == "delivered"
		})
	})
	d.rollcall(t, "webhook", "delete", id, "--yes")
}

// encrypted checks that the table has a webhook's secret only encrypted by KMS, in the context of that webhook.
func (d *deployment) encrypted(t *testing.T, id, secret string) {
	t.Helper()
	w, err := d.store(t).Ports().Webhooks.Webhook(t.Context(), directory.DefaultTenant, directory.WebhookID(id))
	if err != nil || len(w.Secrets) != 1 {
		t.Fatalf("%d secrets, %v", len(w.Secrets), err)
	}
	ciphertext := w.Secrets[0].Encrypted
	if bytes.Contains(ciphertext, []byte(secret)) {
		t.Error("the secret is in the table")
	}
	decrypt := func(about string) (string, error) {
		out, err := kms.NewFromConfig(d.cloud.Config()).Decrypt(t.Context(),
			&kms.DecryptInput{CiphertextBlob: ciphertext, EncryptionContext: map[string]string{"rollcall": about}})
		if err != nil {
			return "", err
		}
		return string(out.Plaintext), nil
	}
	if clear, err := decrypt("default/" + id); err != nil || clear != secret {
		t.Errorf("KMS decrypts the secret as %q, %v", clear, err)
	}
	if _, err := decrypt("default/other"); err == nil {
		t.Error("KMS decrypts the secret in the context of another webhook")
	}
}
