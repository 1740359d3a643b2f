/* detection.h - what the rows of ops_detection.def refer to.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef MXN_OPS_DETECTION_H
#define MXN_OPS_DETECTION_H

#include "ops/infer.h"

/* A box as four numbers: left, top, right, bottom, or centre, width and height. */
typedef enum box_format { BOX_CORNER, BOX_CENTER } box_format;

/* The area that two boxes share, of the area that they cover; 0 where they do not touch. */
double box_iou(const double *a, const double *b, box_format format);

/* boxes.c */
mxn_status box_nms_shape(inference *x);
mxn_status box_nms_forward(const forward *f);
mxn_status box_iou_shape(inference *x);
mxn_status box_iou_forward(const forward *f);
mxn_status box_encode_shape(inference *x);
mxn_status box_encode_forward(const forward *f);
mxn_status box_decode_shape(inference *x);
mxn_status box_decode_forward(const forward *f);
mxn_status bipartite_matching_shape(inference *x);
mxn_status bipartite_matching_forward(const forward *f);

/* multibox.c */
mxn_status multibox_prior_shape(inference *x);
mxn_status multibox_prior_forward(const forward *f);
mxn_status multibox_detection_shape(inference *x);
mxn_status multibox_detection_forward(const forward *f);

/* roi.c */
/* The group of channels of a bin, of `group` for `bins` along one axis. */
int64_t region_group(int64_t bin, int64_t group, int64_t bins);
mxn_status roi_pooling_shape(inference *x);
mxn_status roi_pooling_forward(const forward *f);
mxn_status roi_align_shape(inference *x);
mxn_status roi_align_forward(const forward *f);
mxn_status psroi_pooling_shape(inference *x);
mxn_status psroi_pooling_forward(const forward *f);

/* The image between its pixels, whose border goes on for one pixel; 0 beyond. */
double between_pixels(const double *plane, int64_t height, int64_t width, double y, double x);

/* roi_bent.c */
mxn_status rroi_align_shape(inference *x);
mxn_status rroi_align_forward(const forward *f);
uint32_t deformable_psroi_inputs(const node *n);
mxn_status deformable_psroi_shape(inference *x);
mxn_status deformable_psroi_forward(const forward *f);

/* proposal.c */
uint32_t proposal_outputs(const node *n);
mxn_status proposal_shape(inference *x);
mxn_status proposal_dtype(inference *x);
mxn_status proposal_forward(const forward *f);

/* deformable.c */
uint32_t deformable_inputs(const node *n); /* without a bias one less */
mxn_status deformable_shape(inference *x);
mxn_status deformable_forward(const forward *f);

/* multibox_target.c */
mxn_status multibox_target_shape(inference *x);
mxn_status multibox_target_forward(const forward *f);

#endif
