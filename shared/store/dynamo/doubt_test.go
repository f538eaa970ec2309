package dynamo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"rollcall/integration/tools/dynamolocal"
	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/provisioning"
	"rollcall/shared/random"
	"rollcall/shared/store/dynamo"
)

// faulty is a transport that, once armed, does one of faults to the next transactions.
type faulty struct {
	mu    sync.Mutex
	left  []string
	token string // of the transaction before
	kept  bool   // the next one had it, too
}

// The faults: the transaction is carried out and its answer lost; it is lost on its way; it conflicts with another one,
// and is not carried out; DynamoDB has forgotten its token; it conflicts once more while it is in doubt.
const (
	answerLost = "answer lost"
	lost       = "lost"
	conflicts  = "conflicts"
	forgotten  = "forgotten"
)

func (f *faulty) arm(faults ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.left, f.token, f.kept = faults, "", true
}

func (f *faulty) Do(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".TransactWriteItems") {
		return http.DefaultClient.Do(r)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.left) == 0 {
		return http.DefaultClient.Do(r)
	}
	fault := f.left[0]
	f.left = f.left[1:]
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var in map[string]any
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	token := in["ClientRequestToken"].(string)
	f.kept = f.kept && (f.token == "" || f.token == token)
	f.token = token
	switch fault {
	case lost:
		return nil, io.ErrUnexpectedEOF
	case conflicts:
		text := `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"Transaction cancelled",` +
			`"CancellationReasons":[{"Code":"TransactionConflict","Message":"Transaction is ongoing for the item"}]}`
		return &http.Response{StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
			Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)), Request: r}, nil
	case forgotten:
		in["ClientRequestToken"] = random.ID()
		if body, err = json.Marshal(in); err != nil {
			return nil, err
		}
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer, err := http.DefaultClient.Do(r)
	if err == nil && fault == answerLost {
		_ = answer.Body.Close()
		return nil, io.ErrUnexpectedEOF
	}
	return answer, err
}

func openFaulty(t *testing.T) (*dynamo.Store, *faulty) {
	t.Helper()
	db, _ := dynamolocal.Clients(t)
	f := &faulty{}
	// Without signatures DynamoDB Local takes a changed body.
	client := dynamodb.New(db.Options(), func(o *dynamodb.Options) { o.HTTPClient = f })
	s, err := dynamo.Open(t.Context(), dynamo.Config{Now: time.Now, Client: client, Table: newTable(t)})
	if err != nil {
		t.Fatal(err)
	}
	return s, f
}

// TestUncertainCommits: whatever happens to the answers of a transaction, it is carried out once, and its caller is told
// so or that the store is busy, never of a conflict with itself.
func TestUncertainCommits(t *testing.T) {
	t.Parallel()
	s, f := openFaulty(t)
	s.LimitOps(40)
	o := newTenantEnv(t, s)
	tenant, _ := o.caller.Provider.Tenant()
	as := o.svc.As(administration.Admin{Tenant: tenant, Actor: directory.Actor{Kind: directory.ActorAPIKey, ID: "k" + random.ID()}})
	var members []directory.ScimID
	for i := range 20 {
		members = append(members, o.user(t.Context(), i).ScimID)
	}
	n := 100
	for _, faults := range [][]string{
		{answerLost}, {answerLost, conflicts}, {lost, conflicts, conflicts}, {answerLost, forgotten}, {answerLost, conflicts, forgotten},
	} {
		for what, do := range uncertain(t.Context(), o, as, members, &n) {
			before := o.entries()
			f.arm(faults...)
			if err := do(); err != nil {
				t.Errorf("%s, %v: %v", what, faults, err)
			}
			if !f.kept {
				t.Errorf("%s, %v: the token changed while the transaction was in doubt", what, faults)
			}
			f.arm()
			if got := o.entries() - before; got != 1 {
				t.Errorf("%s, %v: %d entries, want 1", what, faults, got)
			}
		}
	}
	f.arm(lost, lost, lost, lost, lost)
	if _, err := o.tryUser(t.Context(), 1000); !directory.IsKind(err, directory.Unavailable) {
		t.Errorf("without any answer: %v, want Unavailable", err)
	}
}

// entries returns how many entries the tenant and its provider have.
func (o tenantEnv) entries() int {
	o.Helper()
	n := 0
	for _, p := range []directory.ProviderID{"", o.caller.Provider} {
		tenant, _ := o.caller.Provider.Tenant()
		es, err := o.svc.Log.Entries(o.Context(), tenant, directory.LogQuery{Provider: p, Count: 10_000})
		o.must(err)
		n += len(es)
	}
	return n
}

// uncertain returns changes that are one transaction each, with and without a view that they are computed from.
func uncertain(
	ctx context.Context, o tenantEnv, as *administration.Session, members []directory.ScimID, n *int,
) map[string]func() error {
	*n++
	i := *n
	u := o.user(ctx, 10*i)
	name := fmt.Sprint("name ", i)
	g := o.group(ctx, name)
	edit := func(id directory.GroupID, want directory.GroupWant, edit provisioning.GroupEdit) error {
		_, _, err := o.svc.UpdateGroup(ctx, o.caller, id, want, nil,
			func(_ directory.Provider, v directory.GroupView) (provisioning.GroupEdit, error) {
				ed := edit
				if ed.Profile.DisplayName == "" {
					ed.Profile = v.GroupProfile
				}
				return ed, nil
			})
		return err
	}
	return map[string]func() error{
		"POST user": func() error {
			_, err := o.tryUser(ctx, 10*i+1)
			return err
		},
		"POST group": func() error {
			_, err := o.svc.CreateGroup(ctx, o.caller, nil,
				func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
					return directory.GroupProfile{DisplayName: name + " new"}, members[:2], nil, nil
				})
			return err
		},
		"large POST group": func() error {
			_, err := o.svc.CreateGroup(ctx, o.caller, nil,
				func(directory.Provider) (directory.GroupProfile, []directory.ScimID, []directory.Change, error) {
					return directory.GroupProfile{DisplayName: name + " large"}, members, nil, nil
				})
			return err
		},
		"PATCH user": func() error {
			_, _, err := o.svc.UpdateUser(ctx, o.caller, u.ScimID, directory.UserWant{}, nil,
				func(_ directory.Provider, old directory.UserView) (directory.Profile, []directory.Change, error) {
					p := old.Profile
					p.ExternalID = "changed"
					return p, []directory.Change{{Attr: "externalId"}}, nil
				})
			return err
		},
		"one member": func() error {
			return edit(g.ID, directory.GroupWant{Named: members[:1]}, provisioning.GroupEdit{Add: members[:1]})
		},
		"organization": func() error {
			_, err := as.Organizations.Create(ctx, administration.NewOrganization{Name: name})
			return err
		},
		"provider": func() error {
			_, _, err := as.Providers.Create(ctx, administration.NewProvider{DisplayName: name, Profile: "entra"})
			return err
		},
		"API key": func() error {
			_, _, err := as.APIKeys.Create(ctx, administration.NewAPIKey{DisplayName: name, Role: directory.RoleAuditor})
			return err
		},
	}
}
