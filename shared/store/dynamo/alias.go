package dynamo

import (
	"context"
	"errors"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

// aliasStore implements directory.Aliases.
type aliasStore struct{ *Store }

func (s aliasStore) AddAlias(ctx context.Context, t directory.TenantID, alias string, id directory.UserID, until time.Time) error {
	x := &tx{}
	x.update(s.Store, schema.AliasKey(t, alias, id), edit{set: item{"until": num(until.UnixMilli()), "ttl": num(until.Unix())}},
		when("attribute_not_exists(#until) OR #until < :new", item{":new": num(until.UnixMilli())}), func(item) error { return errDone })
	if err := s.commit(ctx, "add alias", x); !errors.Is(err, errDone) {
		return err
	}
	return nil
}

func (s aliasStore) AliasesOf(
	ctx context.Context, t directory.TenantID, alias string, now time.Time, count int,
) ([]directory.UserID, error) {
	its, _, err := s.query(ctx, span{pk: schema.AliasKey(t, alias, "").PK, stale: true})
	var ids []directory.UserID
	for _, it := range its {
		if !timeOf(it, "until").Before(now) && len(ids) < count {
			ids = append(ids, directory.UserID(text(it, "SK")))
		}
	}
	return ids, err
}
