// Package asrpb is the wire between pbx and a speech worker: generated code
// from asr.proto, nothing else. A position on it is a count of 20 ms frames
// from the channel's first one, so that a stream can go on with another worker.
//
//	pbx  --Open, Audio..., Finish-->  asrd
//	pbx  <--Opened, Event...--------  asrd
package asrpb

//go:generate sh -c "PATH=$PATH:$(go env GOPATH)/bin protoc --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative asr.proto"
