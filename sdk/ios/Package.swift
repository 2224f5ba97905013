// swift-tools-version:5.9

import PackageDescription

let package = Package(
    name: "MaxPay",
    platforms: [.iOS(.v13), .macOS(.v12)],
    products: [.library(name: "MaxPay", targets: ["MaxPay"])],
    targets: [
        .target(name: "MaxPay"),
        .testTarget(name: "MaxPayTests", dependencies: ["MaxPay"]),
    ]
)
