package contact

import "github.com/jackc/pgx/v5"

var (
	rowToInt   = pgx.RowTo[int]
	rowToBytes = pgx.RowTo[[]byte]
	rowToText  = pgx.RowTo[string]
)
