package media

func recordUntilKilled(path string) {}
