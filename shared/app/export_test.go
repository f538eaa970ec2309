package app

// For the tests.
var (
	AWSConfig = awsConfig
	Reported  = reported
)
