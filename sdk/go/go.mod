module maxpay.example/go/maxpay

go 1.24
