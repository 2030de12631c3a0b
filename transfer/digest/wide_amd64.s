//go:build !purego

#include "textflag.h"

// BLAKE3's compression function (section 2.2 of its paper) for 16 inputs at once,
// one in each 32-bit lane. While a block is compressed, Z0 to Z15 are the state's
// words and Z16 to Z31 the block's, of all 16 inputs: the rounds keep all
// registers busy and touch no memory.

DATA iv<>+0x00(SB)/4, $0x6a09e667
DATA iv<>+0x04(SB)/4, $0xbb67ae85
DATA iv<>+0x08(SB)/4, $0x3c6ef372
DATA iv<>+0x0c(SB)/4, $0xa54ff53a
DATA iv<>+0x10(SB)/4, $0x510e527f
DATA iv<>+0x14(SB)/4, $0x9b05688c
DATA iv<>+0x18(SB)/4, $0x1f83d9ab
DATA iv<>+0x1c(SB)/4, $0x5be0cd19
GLOBL iv<>(SB), RODATA|NOPTR, $32

// MIX4 adds the words m0 to m3 and b0 to b3 to a0 to a3, and makes of d0 to d3
// their difference (exclusive or) from these, turned right by r bits.
#define MIX4(a0, a1, a2, a3, b0, b1, b2, b3, d0, d1, d2, d3, m0, m1, m2, m3, r) \
	VPADDD m0, a0, a0; VPADDD m1, a1, a1; VPADDD m2, a2, a2; VPADDD m3, a3, a3; \
	VPADDD b0, a0, a0; VPADDD b1, a1, a1; VPADDD b2, a2, a2; VPADDD b3, a3, a3; \
	VPXORD a0, d0, d0; VPXORD a1, d1, d1; VPXORD a2, d2, d2; VPXORD a3, d3, d3; \
	VPRORD r, d0, d0; VPRORD r, d1, d1; VPRORD r, d2, d2; VPRORD r, d3, d3

// STIR4 adds d0 to d3 to c0 to c3, and makes of b0 to b3 their difference from
// these, turned right by r bits.
#define STIR4(c0, c1, c2, c3, d0, d1, d2, d3, b0, b1, b2, b3, r) \
	VPADDD d0, c0, c0; VPADDD d1, c1, c1; VPADDD d2, c2, c2; VPADDD d3, c3, c3; \
	VPXORD c0, b0, b0; VPXORD c1, b1, b1; VPXORD c2, b2, b2; VPXORD c3, b3, b3; \
	VPRORD r, b0, b0; VPRORD r, b1, b1; VPRORD r, b2, b2; VPRORD r, b3, b3

// ROUND mixes the columns with the words m0 to m7, then the diagonals with m8
// to m15.
#define ROUND(m0, m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15) \
	MIX4(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z12, Z13, Z14, Z15, m0, m2, m4, m6, $16); \
	STIR4(Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15, Z4, Z5, Z6, Z7, $12); \
	MIX4(Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z12, Z13, Z14, Z15, m1, m3, m5, m7, $8); \
	STIR4(Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15, Z4, Z5, Z6, Z7, $7); \
	MIX4(Z0, Z1, Z2, Z3, Z5, Z6, Z7, Z4, Z15, Z12, Z13, Z14, m8, m10, m12, m14, $16); \
	STIR4(Z10, Z11, Z8, Z9, Z15, Z12, Z13, Z14, Z5, Z6, Z7, Z4, $12); \
	MIX4(Z0, Z1, Z2, Z3, Z5, Z6, Z7, Z4, Z15, Z12, Z13, Z14, m9, m11, m13, m15, $8); \
	STIR4(Z10, Z11, Z8, Z9, Z15, Z12, Z13, Z14, Z5, Z6, Z7, Z4, $7)

// QUAD takes 64 bytes of each of the four inputs at p, and puts words i, i+4,
// i+8 and i+12 of them into the quarters of ti.
#define QUAD(p, t0, t1, t2, t3) \
	VMOVDQU32 (p), Z8; \
	VMOVDQU32 (p)(R8*1), Z9; \
	VMOVDQU32 (p)(R8*2), Z10; \
	VMOVDQU32 (p)(R9*1), Z11; \
	VPUNPCKLDQ Z9, Z8, Z12; \
	VPUNPCKHDQ Z9, Z8, Z13; \
	VPUNPCKLDQ Z11, Z10, Z14; \
	VPUNPCKHDQ Z11, Z10, Z15; \
	VPUNPCKLQDQ Z14, Z12, t0; \
	VPUNPCKHQDQ Z14, Z12, t1; \
	VPUNPCKLQDQ Z15, Z13, t2; \
	VPUNPCKHQDQ Z15, Z13, t3

// QUARTERS transposes the quarters of four registers.
#define QUARTERS(t0, t1, t2, t3) \
	VSHUFI32X4 $0x44, t1, t0, Z8; \
	VSHUFI32X4 $0xee, t1, t0, Z9; \
	VSHUFI32X4 $0x44, t3, t2, Z10; \
	VSHUFI32X4 $0xee, t3, t2, Z11; \
	VSHUFI32X4 $0x88, Z10, Z8, t0; \
	VSHUFI32X4 $0xdd, Z10, Z8, t1; \
	VSHUFI32X4 $0x88, Z11, Z9, t2; \
	VSHUFI32X4 $0xdd, Z11, Z9, t3

// HALVES writes words w0 to w3 of each output, 16 of the 32 bytes of each, the
// first one's at.
#define HALVES(w0, w1, w2, w3, at) \
	VPUNPCKLDQ w1, w0, Z8; \
	VPUNPCKHDQ w1, w0, Z9; \
	VPUNPCKLDQ w3, w2, Z10; \
	VPUNPCKHDQ w3, w2, Z11; \
	VPUNPCKLQDQ Z10, Z8, Z12; \
	VPUNPCKHQDQ Z10, Z8, Z13; \
	VPUNPCKLQDQ Z11, Z9, Z14; \
	VPUNPCKHQDQ Z11, Z9, Z15; \
	VMOVDQU X12, (at+0)(DI); \
	VMOVDQU X13, (at+32)(DI); \
	VMOVDQU X14, (at+64)(DI); \
	VMOVDQU X15, (at+96)(DI); \
	VEXTRACTI32X4 $1, Z12, (at+128)(DI); \
	VEXTRACTI32X4 $1, Z13, (at+160)(DI); \
	VEXTRACTI32X4 $1, Z14, (at+192)(DI); \
	VEXTRACTI32X4 $1, Z15, (at+224)(DI); \
	VEXTRACTI32X4 $2, Z12, (at+256)(DI); \
	VEXTRACTI32X4 $2, Z13, (at+288)(DI); \
	VEXTRACTI32X4 $2, Z14, (at+320)(DI); \
	VEXTRACTI32X4 $2, Z15, (at+352)(DI); \
	VEXTRACTI32X4 $3, Z12, (at+384)(DI); \
	VEXTRACTI32X4 $3, Z13, (at+416)(DI); \
	VEXTRACTI32X4 $3, Z14, (at+448)(DI); \
	VEXTRACTI32X4 $3, Z15, (at+480)(DI)

// func hash16(out *[16 * 32]byte, in *byte, stride, blocks int, counters *[16]uint32, flags, first, last uint32)
TEXT ·hash16(SB), NOSPLIT, $0-52
	MOVQ out+0(FP), DI
	MOVQ in+8(FP), SI
	MOVQ stride+16(FP), R8
	MOVQ blocks+24(FP), CX
	MOVQ counters+32(FP), DX
	MOVL flags+40(FP), AX
	MOVL first+44(FP), R13
	ORL  AX, R13            // the flags of the block that comes

	LEAQ (R8)(R8*2), R9     // 3 strides
	LEAQ (SI)(R8*4), R10    // inputs 4 to 7
	LEAQ (R10)(R8*4), R11   // inputs 8 to 11
	LEAQ (R11)(R8*4), R12   // inputs 12 to 15

	VPBROADCASTD iv<>+0x00(SB), Z0
	VPBROADCASTD iv<>+0x04(SB), Z1
	VPBROADCASTD iv<>+0x08(SB), Z2
	VPBROADCASTD iv<>+0x0c(SB), Z3
	VPBROADCASTD iv<>+0x10(SB), Z4
	VPBROADCASTD iv<>+0x14(SB), Z5
	VPBROADCASTD iv<>+0x18(SB), Z6
	VPBROADCASTD iv<>+0x1c(SB), Z7

block:
	CMPQ CX, $1
	JNE  inner
	ORL  last+48(FP), R13

inner:
	QUAD(SI, Z16, Z17, Z18, Z19)
	QUAD(R10, Z20, Z21, Z22, Z23)
	QUAD(R11, Z24, Z25, Z26, Z27)
	QUAD(R12, Z28, Z29, Z30, Z31)
	QUARTERS(Z16, Z20, Z24, Z28)
	QUARTERS(Z17, Z21, Z25, Z29)
	QUARTERS(Z18, Z22, Z26, Z30)
	QUARTERS(Z19, Z23, Z27, Z31)

	VPBROADCASTD iv<>+0x00(SB), Z8
	VPBROADCASTD iv<>+0x04(SB), Z9
	VPBROADCASTD iv<>+0x08(SB), Z10
	VPBROADCASTD iv<>+0x0c(SB), Z11
	VMOVDQU32    (DX), Z12
	VPXORD       Z13, Z13, Z13
	MOVL         $64, BX
	VPBROADCASTD BX, Z14
	VPBROADCASTD R13, Z15

	ROUND(Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23, Z24, Z25, Z26, Z27, Z28, Z29, Z30, Z31)
	ROUND(Z18, Z22, Z19, Z26, Z23, Z16, Z20, Z29, Z17, Z27, Z28, Z21, Z25, Z30, Z31, Z24)
	ROUND(Z19, Z20, Z26, Z28, Z29, Z18, Z23, Z30, Z22, Z21, Z25, Z16, Z27, Z31, Z24, Z17)
	ROUND(Z26, Z23, Z28, Z25, Z30, Z19, Z29, Z31, Z20, Z16, Z27, Z18, Z21, Z24, Z17, Z22)
	ROUND(Z28, Z29, Z25, Z27, Z31, Z26, Z30, Z24, Z23, Z18, Z21, Z19, Z16, Z17, Z22, Z20)
	ROUND(Z25, Z30, Z27, Z21, Z24, Z28, Z31, Z17, Z29, Z19, Z16, Z26, Z18, Z22, Z20, Z23)
	ROUND(Z27, Z31, Z21, Z16, Z17, Z25, Z24, Z22, Z30, Z26, Z18, Z28, Z19, Z20, Z23, Z29)

	VPXORD Z8, Z0, Z0
	VPXORD Z9, Z1, Z1
	VPXORD Z10, Z2, Z2
	VPXORD Z11, Z3, Z3
	VPXORD Z12, Z4, Z4
	VPXORD Z13, Z5, Z5
	VPXORD Z14, Z6, Z6
	VPXORD Z15, Z7, Z7

	MOVL AX, R13
	ADDQ $64, SI
	ADDQ $64, R10
	ADDQ $64, R11
	ADDQ $64, R12
	DECQ CX
	JNZ  block

	HALVES(Z0, Z1, Z2, Z3, 0)
	HALVES(Z4, Z5, Z6, Z7, 16)
	VZEROUPPER
	RET
