package main

import "context"

func benchRaw(ctx context.Context, args []string) error { return nil }
