module chatproto-go

go 1.19
