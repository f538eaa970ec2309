package main

import (
	"context"
	"fmt"

	"rollcall/shared/directory"
	"rollcall/shared/store/sqlite"
)

// openStore opens the store the flags name; the function returned closes it.
func openStore(_ context.Context, f serveFlags) (directory.Ports, func(), error) {
	switch f.store {
	case "sqlite":
		s, err := sqlite.Open(f.data)
		if err != nil {
			return directory.Ports{}, nil, err
		}
		return s.Ports(), func() { _ = s.Close() }, nil
	}
	return directory.Ports{}, nil, fmt.Errorf("-store must be sqlite or dynamodb, not %q", f.store)
}
