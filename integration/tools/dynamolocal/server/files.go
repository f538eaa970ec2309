package server

// version is the release of DynamoDB Local that the list below belongs to.
const version = "3.1.0"

// mainClass is the entry point of DynamoDB Local 3.x.
const mainClass = "software.amazon.dynamodb.services.local.main.ServerRunner"

// file is one file of the server: its path under a Maven repository's root and the SHA-256 of its bytes.
type file struct {
	sum, path string
}

// files lists all files that DynamoDB Local loads: its Maven package has 82 dependencies, of which only these are ever
// opened. The last one is the native SQLite binding for linux-amd64.
var files = []file{
	{"3d6d35f34482d0fcbdd52d7ec2c0aa18cf937aab2b5a1e4605ad6b2052bac03c",
		"software/amazon/dynamodb/DynamoDBLocal/3.1.0/DynamoDBLocal-3.1.0.jar"},
	{"da66be0c98acfb29bc708300d05f1a3269c40f9984a4cb9251cf2ba1898d1334", "org/antlr/antlr4-runtime/4.10.1/antlr4-runtime-4.10.1.jar"},
	{"01570fd8083e676ddc8dd192dda79f35fced383a92bb90779e7f5a07b10c1ead", "software/amazon/awssdk/auth/2.33.0/auth-2.33.0.jar"},
	{"9111fe134631ada78927b6e7d88c5ae2b4e254482f79683e6fde9caff84df897", "software/amazon/awssdk/aws-core/2.33.0/aws-core-2.33.0.jar"},
	{"69e1237059acd56f0f8654dcde09d8a1412eee82918bef5564d51f8fb275711b", "commons-cli/commons-cli/1.6.0/commons-cli-1.6.0.jar"},
	{"6ee731df5c8e5a2976a1ca023b6bb320ea8d3539fbe64c8a1d5cb765127c33b4", "org/apache/commons/commons-lang3/3.17.0/commons-lang3-3.17.0.jar"},
	{"25f0bd0ae8e03b5bdfdd5f9cd54aa89462bc7e483bfc576b9e4025fecbde168b", "software/amazon/awssdk/dynamodb/2.33.0/dynamodb-2.33.0.jar"},
	{"b918c98a7e44dbe94ebd9fe3e40cddaadb5a93e6a78eb6008b42df237241e538", "com/google/guava/guava/33.4.0-jre/guava-33.4.0-jre.jar"},
	{"c7c23a55163574fea5024ccdcbe0eea0c1d8e3ad6fe0f1329736cdd00d4fcd2d",
		"software/amazon/awssdk/http-client-spi/2.33.0/http-client-spi-2.33.0.jar"},
	{"e0467ec69a1f70c03bb35754dfed0ad3e21f11eb5e7490dbd54fc58eaac7dfb1", "software/amazon/awssdk/identity-spi/2.33.0/identity-spi-2.33.0.jar"},
	{"3cacef714a89f3d68b69fa11263afa55a6aa2fdef1fff93ded22caa16b54687c",
		"com/fasterxml/jackson/core/jackson-annotations/2.12.7/jackson-annotations-2.12.7.jar"},
	{"3987a6a335046e226e56b81d69668fb5a91b155ea7fd96b0851adbb7d4ac1ca6",
		"com/fasterxml/jackson/core/jackson-core/2.12.7/jackson-core-2.12.7.jar"},
	{"4ed50208a764347fb86e79305d3b91c68a5232b22b763214683db07d88b6c687",
		"com/fasterxml/jackson/core/jackson-databind/2.12.7/jackson-databind-2.12.7.jar"},
	{"a8ccf675c7083c052a17f31bfeead65bd9103a6af219f02dfa0e836fa0dfb33d",
		"com/fasterxml/jackson/datatype/jackson-datatype-jsr310/2.12.7/jackson-datatype-jsr310-2.12.7.jar"},
	{"c0135a68214b74c45de118c52a8b354a02f138622a123ae78f4b4ee631acc625", "org/eclipse/jetty/jetty-http/12.0.14/jetty-http-12.0.14.jar"},
	{"7e4331e06f6f03a370ad3351f61d5390653423b587e40911d9669f8dcff17509", "org/eclipse/jetty/jetty-io/12.0.14/jetty-io-12.0.14.jar"},
	{"92d5062919fe4a56242a1c95fe0b533ad4ccab122f8cc1632d6567120e16445f", "org/eclipse/jetty/jetty-server/12.0.14/jetty-server-12.0.14.jar"},
	{"ab9d69ccf51ee84a39cd9d79ceaf0cd97d7071005c384246e577e573a829f622", "org/eclipse/jetty/jetty-util/12.0.14/jetty-util-12.0.14.jar"},
	{"a9b450d96d90616f9fe5657a29385b4d0077f99f8bc80841f93e2545a3cd623e", "joda-time/joda-time/2.13.0/joda-time-2.13.0.jar"},
	{"b0d8a4c8ab4fb8b1888d0095822703b0e6d4793c419550203da9e69196161de4", "org/apache/logging/log4j/log4j-api/2.17.1/log4j-api-2.17.1.jar"},
	{"c967f223487980b9364e94a7c7f9a8a01fd3ee7c19bdbf0b0f9f8cb8511f3d41", "org/apache/logging/log4j/log4j-core/2.17.1/log4j-core-2.17.1.jar"},
	{"548bda2ebbe2367531888d047570dd271dca92e4a3eb58c5a8062f3bfff5c221", "software/amazon/awssdk/pinpoint/2.33.0/pinpoint-2.33.0.jar"},
	{"eeb80ba42264364de5f5b30fb1965a49d9f27b6a7a04f00017a02ff41eda2dba", "software/amazon/awssdk/regions/2.33.0/regions-2.33.0.jar"},
	{"d168e0b8b130bdf395cd7d494c86fad40d617cbeeeb4519c343ea459e71e036c", "software/amazon/awssdk/sdk-core/2.33.0/sdk-core-2.33.0.jar"},
	{"d3ef575e3e4979678dc01bf1dcce51021493b4d11fb7f1be8ad982877c16a1c0", "org/slf4j/slf4j-api/1.7.36/slf4j-api-1.7.36.jar"},
	{"243a64470fda0e86a6fddeb0af4c7aa9426ce84e68cbfe18d75ee5da4b7e0b92",
		"com/almworks/sqlite4java/sqlite4java/1.0.392/sqlite4java-1.0.392.jar"},
	{"a4fb3da46c56883341832fa1c2a68a98b9b3ce8418a2c12ab73532bd3a116f57", "software/amazon/awssdk/utils/2.33.0/utils-2.33.0.jar"},
	{"da3d7d21eef476baf644026e449b392dbd738bf9246fca48ce072987264c3aca",
		"com/almworks/sqlite4java/libsqlite4java-linux-amd64/1.0.392/libsqlite4java-linux-amd64-1.0.392.so"},
}
